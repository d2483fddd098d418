import { expect, test } from "vitest";
import { PagePool } from "./pages.ts";
import { type CacheEntry, chainHash, PrefixCache } from "./prefixCache.ts";

const range = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

/** Puts tokens into the cache as an ended sequence would. */
function remember(pool: PagePool, cache: PrefixCache, tokens: number[]): number[] {
  const pages: number[] = [];
  let parent: CacheEntry | undefined;
  for (let start = 0; start < tokens.length; start += pool.pageSize) {
    pages.push(pool.take()!);
    parent = cache.insert(parent, tokens.slice(start, start + pool.pageSize), pages.at(-1)!);
  }
  for (const page of [...pages].reverse()) pool.release(page);
  return pages;
}

function setUp(pages = 8, hash?: typeof chainHash) {
  const pool = new PagePool(pages, 4);
  return { pool, cache: new PrefixCache(pool, hash) };
}

const summary = (cache: PrefixCache, tokens: number[], most?: number) => {
  const { entries, partial, length } = cache.match(tokens, most);
  return { pages: entries.map(({ page }) => page), partial: partial?.entry.page, length };
};

test("whole pages match, then a part of one", () => {
  const { pool, cache } = setUp();
  const [a, b, c] = remember(pool, cache, range(10));
  expect(summary(cache, range(20))).toEqual({ pages: [a, b], partial: c, length: 10 });
  expect(summary(cache, range(10), 9)).toEqual({ pages: [a, b], partial: c, length: 9 });
  expect(summary(cache, range(8), 7)).toEqual({ pages: [a], partial: b, length: 7 });
  expect(summary(cache, [0, 1, 9])).toEqual({ pages: [], partial: a, length: 2 });
  expect(summary(cache, [9])).toEqual({ pages: [], partial: undefined, length: 0 });
  // The same tokens after others are something else.
  expect(summary(cache, range(4, 4)).length).toBe(0);
});

test.each([
  ["hashes", chainHash],
  ["a hash under which everything is equal", () => 5],
])("%s never stand for tokens", (_, hash) => {
  const { pool, cache } = setUp(40, hash);
  const all = range(8).map((i) => [...range(4), ...range(4, 100 * i), ...range(2, i)]);
  const pages = all.map((tokens) => remember(pool, cache, tokens));
  all.forEach((tokens, i) => {
    const { partial, length } = summary(cache, tokens);
    expect({ partial, length }).toEqual({ partial: pages[i]![2], length: 10 });
  });
  expect(summary(cache, [...range(4), 100, 101, 9]).length).toBe(6);
  while (pool.cached > 0) pool.take();
  expect(summary(cache, all[0]!).length).toBe(0);
});

test("of equal pages the first is kept, of partial ones the longest", () => {
  const { pool, cache } = setUp();
  const [a, b] = remember(pool, cache, range(6));
  remember(pool, cache, range(6));
  expect(pool.cached).toBe(2);
  expect(summary(cache, range(6))).toEqual({ pages: [a], partial: b, length: 6 });
  remember(pool, cache, range(7));
  expect(pool.cached).toBe(2);
  expect(summary(cache, range(7)).length).toBe(7);
});

test("what is given up takes along what came after it", () => {
  const { pool, cache } = setUp(4);
  remember(pool, cache, range(16));
  // The last page went idle first.
  pool.take();
  expect(summary(cache, range(16)).length).toBe(12);
  expect(cache.counts).toEqual({ evictions: 1 });
  cache.drop(cache.match(range(4)).entries[0]!);
  expect([pool.cached, pool.available]).toEqual([0, 3]);
  expect(summary(cache, range(16)).length).toBe(0);
});

test("nothing goes behind a page that is gone", () => {
  const { pool, cache } = setUp();
  remember(pool, cache, range(4));
  const [root] = cache.match(range(4)).entries;
  cache.drop(root!);
  expect(cache.insert(root, range(4, 4), pool.take()!)).toBeUndefined();
});
