import { describe, expect, test } from "vitest";
import { CachePersistence, type PageMemory } from "./cachePersistence.ts";
import { Checksum, readPageFile, writePageFile } from "./pageFile.ts";
import { type FileStore, PageStore } from "./pageStore.ts";
import { PagePool } from "./pages.ts";
import { type CacheEntry, PrefixCache } from "./prefixCache.ts";

const range = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);
const pageBytes = 24;

class MemoryFiles implements FileStore {
  readonly files = new Map<string, { bytes: Uint8Array<ArrayBuffer>; usedAt: number }>();
  quota = Number.POSITIVE_INFINITY;

  async list() {
    return [...this.files].map(([name, { bytes, usedAt }]) => ({
      name,
      sizeBytes: bytes.byteLength,
      usedAt,
    }));
  }

  async read(name: string) {
    return this.files.get(name)!.bytes;
  }

  async write(name: string, bytes: Uint8Array<ArrayBuffer>) {
    if (this.files.size >= this.quota) throw new DOMException("full", "QuotaExceededError");
    this.files.set(name, { bytes, usedAt: Date.now() });
  }

  async remove(name: string) {
    if (!this.files.delete(name)) throw new DOMException("gone", "NotFoundError");
  }
}

/** A tab: a cache of its own over shared files. */
function open(files: FileStore, { fingerprint = "model", maxBytes = 1e6, pages = 8 } = {}) {
  const pool = new PagePool(pages, 4);
  const cache = new PrefixCache(pool);
  const memory = new Map<number, Uint8Array<ArrayBuffer>>();
  const access: PageMemory = {
    pageBytes,
    readPage: async (page) => memory.get(page)!.slice().buffer,
    writePage: (page, bytes) => memory.set(page, bytes),
  };
  const store = new PageStore(files, maxBytes);
  const persistence = new CachePersistence({ store, cache, pool, memory: access, fingerprint });
  /** As if these tokens had been computed. */
  const compute = (tokens: number[]) => {
    let parent: CacheEntry | undefined;
    const held: number[] = [];
    for (let start = 0; start < tokens.length; start += 4) {
      const page = pool.take()!;
      held.push(page);
      memory.set(
        page,
        Uint8Array.from({ length: pageBytes }, (_, i) => tokens[start]! + i),
      );
      parent = cache.insert(parent, tokens.slice(start, start + 4), page);
    }
    for (const page of held.reverse()) pool.release(page);
  };
  const contents = (tokens: number[]) =>
    cache.match(tokens).entries.map(({ page }) => [...memory.get(page)!]);
  return { pool, cache, persistence, compute, contents };
}

test("another tab goes on with what was stored", async () => {
  const files = new MemoryFiles();
  const first = open(files);
  first.compute(range(14));
  await first.persistence.save(range(14));
  expect(files.files.size).toBe(3);
  const second = open(files);
  await second.persistence.restore([...range(12), 99, 98]);
  expect(second.contents(range(14))).toEqual(first.contents(range(14)));
  expect([second.pool.used, second.pool.cached]).toEqual([0, 3]);
  // At least a token is left to compute.
  const third = open(files);
  await third.persistence.restore(range(8));
  expect(third.pool.cached).toBe(1);
  // Behind what is there already.
  third.compute(range(8));
  await third.persistence.restore(range(13));
  expect(third.contents(range(13))).toEqual(first.contents(range(14)));
});

test("another model or another history is no match", async () => {
  const files = new MemoryFiles();
  const first = open(files);
  first.compute(range(12));
  await first.persistence.save(range(12));
  for (const [fingerprint, tokens] of [
    ["other", range(12)],
    ["model", [7, ...range(12)]],
  ] as const) {
    const tab = open(files, { fingerprint });
    await tab.persistence.restore(tokens);
    expect(tab.pool.cached).toBe(0);
  }
});

describe("a damaged file ends what is restored, and goes", () => {
  test.each<[string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>]>([
    ["cut short", (bytes) => bytes.slice(0, -1)],
    ["empty", () => new Uint8Array(0)],
    ["of something else", (bytes) => crypto.getRandomValues(bytes.slice())],
    ["with a bit turned", (bytes) => bytes.map((byte, i) => (i === bytes.length - 5 ? byte ^ 4 : byte))],
    ["with another token", (bytes) => bytes.map((byte, i) => (i === 20 ? byte ^ 1 : byte))],
  ])("%s", async (_, damage) => {
    const files = new MemoryFiles();
    const first = open(files);
    first.compute(range(12));
    await first.persistence.save(range(12));
    const [name, file] = [...files.files].find(([name]) => name.startsWith("1-"))!;
    file.bytes = damage(file.bytes);
    const second = open(files);
    await second.persistence.restore(range(13));
    expect(second.pool.cached).toBe(1);
    expect(files.files.has(name)).toBe(false);
  });
});

test("a limit and a quota cost the oldest, and nothing fails", async () => {
  const files = new MemoryFiles();
  const size = writePageFile(range(4), new Uint8Array(pageBytes)).byteLength;
  const tab = open(files, { maxBytes: 4 * size, pages: 20 });
  for (const start of [0, 100]) {
    tab.compute(range(12, start));
    await tab.persistence.save(range(12, start));
    for (const file of files.files.values()) file.usedAt -= 3_600_000;
  }
  expect(files.files.size).toBe(4);
  const later = open(files, { maxBytes: 4 * size });
  await later.persistence.restore(range(13, 100));
  expect(later.pool.cached).toBe(3);

  files.quota = 2;
  tab.compute(range(12, 200));
  await tab.persistence.save(range(12, 200));
  expect(files.files.size).toBeLessThanOrEqual(4);
  files.list = async () => Promise.reject(new Error("no storage"));
  files.read = files.list as never;
  files.write = files.list as never;
  files.remove = files.list as never;
  const broken = open(files);
  broken.compute(range(8));
  await broken.persistence.save(range(8));
  await broken.persistence.restore(range(9, 50));
  expect(broken.pool.used).toBe(0);
});

test("a cache without room takes what fits, and holds nothing", async () => {
  const files = new MemoryFiles();
  const first = open(files);
  first.compute(range(32));
  await first.persistence.save(range(32));
  const small = open(files, { pages: 3 });
  await small.persistence.restore(range(33));
  expect([small.pool.used, small.pool.cached]).toEqual([0, 3]);
});

test("files hold their page and no other", () => {
  const page = Uint8Array.from(range(10));
  const file = writePageFile([1, 2], page);
  expect(readPageFile(file, [1, 2], 10)).toEqual(page);
  expect(readPageFile(file, [1, 3], 10)).toBeUndefined();
  expect(readPageFile(file, [1, 2], 11)).toBeUndefined();
  const sums = [[], [0], [0, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 0]].map((bytes) =>
    String(new Checksum().add(Uint8Array.from(bytes)).value),
  );
  expect(new Set(sums).size).toBe(5);
});
