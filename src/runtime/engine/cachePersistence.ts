/**
 * Keeps full pages of the cache in files, so that a conversation goes on after a reload without computing its history.
 * A file's name says what it holds: a SHA-256 chain over the model's fingerprint and the tokens of all pages so far.
 * What is missing, damaged or foreign is as if it were not there.
 */

import { hex } from "./hex.ts";
import { readPageFile, writePageFile } from "./pageFile.ts";
import type { PageStore } from "./pageStore.ts";
import type { PagePool } from "./pages.ts";
import type { CacheEntry, PrefixCache } from "./prefixCache.ts";

// All that whoever keeps caches needs, as it is loaded on demand.
export { Checksum } from "./pageFile.ts";
export { OpfsStore, PageStore } from "./pageStore.ts";

/** The pages themselves. */
export interface PageMemory {
  readonly pageBytes: number;
  readPage(page: number): Promise<ArrayBuffer>;
  writePage(page: number, bytes: Uint8Array<ArrayBuffer>): void;
}

export interface CachePersistenceParts {
  store: PageStore;
  cache: PrefixCache;
  pool: PagePool;
  memory: PageMemory;
  /** Of all that the pages' content depends on besides tokens. */
  fingerprint: string;
}

export class CachePersistence {
  /** Conversations are stored one after the other. */
  private saved: Promise<void> = Promise.resolve();

  constructor(private readonly parts: CachePersistenceParts) {}

  /** Stores the cached full pages of a conversation, by and by. */
  save(tokens: readonly number[]): Promise<void> {
    this.saved = this.saved.then(() => this.store(tokens)).catch(() => undefined);
    return this.saved;
  }

  /** Resolves when all has been stored. */
  settled(): Promise<void> {
    return this.saved;
  }

  /** Brings stored pages of a prompt back into the cache, behind what is there. */
  restore(tokens: readonly number[]): Promise<void> {
    return this.load(tokens).catch(() => undefined);
  }

  private async store(tokens: readonly number[]): Promise<void> {
    const { cache, store, memory, pool } = this.parts;
    let key = this.parts.fingerprint;
    for (const [depth, entry] of cache.match(tokens).entries.entries()) {
      key = await chainKey(key, entry.tokens);
      const name = fileName(depth, key);
      if (await store.has(name)) continue;
      // It may have been given up while others were stored.
      if (!cache.has(entry)) return;
      pool.hold(entry.page);
      const page = await memory.readPage(entry.page).finally(() => pool.release(entry.page));
      if (!(await store.write(name, writePageFile(entry.tokens, new Uint8Array(page))))) return;
    }
  }

  private async load(tokens: readonly number[]): Promise<void> {
    const { cache, pool } = this.parts;
    const { pageSize } = pool;
    const { entries } = cache.match(tokens);
    const held: number[] = [];
    const hold = (page: number) => {
      pool.hold(page);
      held.push(page);
    };
    for (const { page } of entries) hold(page);
    try {
      let key = this.parts.fingerprint;
      let parent: CacheEntry | undefined;
      // The last token is computed in any case.
      for (let depth = 0; (depth + 1) * pageSize < tokens.length; depth++) {
        const own = tokens.slice(depth * pageSize, (depth + 1) * pageSize);
        key = await chainKey(key, own);
        parent = entries[depth] ?? (await this.loadPage(fileName(depth, key), parent, own));
        if (!parent) return;
        if (depth >= entries.length) hold(parent.page);
      }
    } finally {
      for (const page of held.reverse()) pool.release(page);
    }
  }

  private async loadPage(
    name: string,
    parent: CacheEntry | undefined,
    tokens: readonly number[],
  ): Promise<CacheEntry | undefined> {
    const { cache, store, memory, pool } = this.parts;
    const file = await store.read(name);
    if (!file) return undefined;
    const bytes = readPageFile(file, tokens, memory.pageBytes);
    if (!bytes) {
      await store.remove(name);
      return undefined;
    }
    const page = pool.take();
    if (page === undefined) return undefined;
    memory.writePage(page, bytes);
    const entry = cache.insert(parent, tokens, page);
    pool.release(page);
    return entry;
  }
}

const fileName = (depth: number, key: string) => `${depth}-${key}`;

async function chainKey(parent: string, tokens: readonly number[]): Promise<string> {
  const text = new TextEncoder().encode(`${parent} ${tokens.join(" ")}`);
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", text)));
}
