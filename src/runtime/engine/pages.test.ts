import { expect, test } from "vitest";
import { CachedSequence, PagePool } from "./pages.ts";

test("positions map to distinct slots, and pages come back", () => {
  const pool = new PagePool(4, 16);
  const a = new CachedSequence(pool);
  const b = new CachedSequence(pool);
  a.append(Array.from({ length: 17 }, (_, i) => i));
  b.append([1, 2, 3]);
  a.append(Array.from({ length: 10 }, (_, i) => i));
  const slots = [...Array.from({ length: 27 }, (_, i) => a.slot(i)), ...[0, 1, 2].map((i) => b.slot(i))];
  expect(new Set(slots).size).toBe(30);
  expect(Math.max(...slots)).toBeLessThan(64);
  expect(pool.used).toBe(3);
  a.truncate(16);
  expect([a.length, a.pages.length, pool.used]).toEqual([16, 1, 2]);
  a.truncate(0);
  b.truncate(0);
  expect(pool.used).toBe(0);
});
test("a full pool says so", () => {
  const sequence = new CachedSequence(new PagePool(1, 16));
  expect(() => sequence.append(new Array(17).fill(0))).toThrowError(/All 1 pages/);
});
test("common prefix", () => {
  const sequence = new CachedSequence(new PagePool(2, 16));
  sequence.append([5, 6, 7]);
  expect(sequence.commonPrefix([5, 6, 8, 9])).toBe(2);
  expect(sequence.commonPrefix([5, 6, 7, 9])).toBe(3);
  expect(sequence.commonPrefix([])).toBe(0);
});
