import { expect, test } from "vitest";
import { PagePool } from "./pages.ts";

test("a page comes back when its last holder lets go", () => {
  const pool = new PagePool(2, 16);
  const page = pool.take()!;
  pool.hold(page);
  expect([pool.used, pool.available, pool.holdersOf(page)]).toEqual([1, 1, 2]);
  pool.release(page);
  expect(pool.used).toBe(1);
  pool.release(page);
  expect([pool.used, pool.available]).toEqual([0, 2]);
});

test("pages worth keeping are given up last, the least recently held first", () => {
  const pool = new PagePool(3, 16);
  const evicted: number[] = [];
  pool.onEvict = (page) => evicted.push(page);
  const [a, b, c] = [pool.take()!, pool.take()!, pool.take()!];
  expect(pool.take()).toBeUndefined();
  pool.keep(a);
  pool.keep(b);
  for (const page of [a, b, c]) pool.release(page);
  expect([pool.used, pool.cached, pool.available]).toEqual([0, 2, 3]);
  pool.hold(a);
  pool.release(a);
  expect([pool.take(), pool.take(), pool.take()]).toEqual([c, b, a]);
  expect(evicted).toEqual([b, a]);
  // What was evicted is not kept any more.
  pool.release(a);
  expect(pool.cached).toBe(0);
});

test("a kept page that is forgotten becomes free", () => {
  const pool = new PagePool(1, 16);
  const page = pool.take()!;
  pool.keep(page);
  pool.release(page);
  pool.forget(page);
  expect([pool.cached, pool.available]).toEqual([0, 1]);
});

test("pages for positions", () => {
  const pool = new PagePool(1, 16);
  expect([0, 1, 16, 17].map((n) => pool.pagesFor(n))).toEqual([0, 1, 1, 2]);
});
