/** Finds pages by what they hold, so that prompts that begin alike are computed once. */

import type { PagePool } from "./pages.ts";

/** A page whose content is known: the keys and values of `tokens` after those of its ancestors. */
export interface CacheEntry {
  readonly page: number;
  /** A whole page of them, or fewer: then nothing follows. */
  readonly tokens: readonly number[];
  readonly parent: CacheEntry | undefined;
  /** Of the parent's hash and the tokens. */
  readonly hash: number;
  readonly children: Set<CacheEntry>;
}

export interface PrefixMatch {
  /** Whole pages that hold the first tokens. */
  entries: CacheEntry[];
  /** A page of which the first `length` tokens come next. */
  partial: { entry: CacheEntry; length: number } | undefined;
  /** Tokens found in all. */
  length: number;
}

export class PrefixCache {
  readonly counts = { evictions: 0 };
  private readonly byHash = new Map<number, CacheEntry[]>();
  private readonly byPage: (CacheEntry | undefined)[];
  private readonly roots = new Set<CacheEntry>();

  /** @param pool whose pages are kept; the cache hears of those it takes back */
  constructor(
    private readonly pool: PagePool,
    private readonly hashPage: typeof chainHash = chainHash,
  ) {
    this.byPage = new Array(pool.count);
    pool.onEvict = (page) => {
      this.counts.evictions++;
      this.drop(this.byPage[page]!);
    };
  }

  /** The longest cached beginning of `tokens`, at most `most` long. Holds no page; use the answer at once. */
  match(tokens: readonly number[], most = tokens.length): PrefixMatch {
    const { pageSize } = this.pool;
    const entries: CacheEntry[] = [];
    let length = 0;
    let parent: CacheEntry | undefined;
    while (length + pageSize <= most) {
      const next = this.find(parent, tokens, length, pageSize);
      if (!next) break;
      entries.push(next);
      parent = next;
      length += pageSize;
    }
    let partial: PrefixMatch["partial"];
    for (const entry of parent ? parent.children : this.roots) {
      const common = commonLength(entry.tokens, tokens, length, most);
      if (common > (partial?.length ?? 0)) partial = { entry, length: common };
    }
    length += partial?.length ?? 0;
    return { entries, partial, length };
  }

  /**
   * Notes that `page` holds `tokens` after `parent`. Of equal pages the first is kept, and of partial ones the longest.
   * @returns the entry for these tokens, of this page or of its equal; undefined where `parent` is no longer cached
   */
  insert(parent: CacheEntry | undefined, tokens: readonly number[], page: number): CacheEntry | undefined {
    if (parent && !this.has(parent)) return undefined;
    const siblings = parent ? parent.children : this.roots;
    if (tokens.length === this.pool.pageSize) {
      const same = this.find(parent, tokens, 0, tokens.length);
      if (same) return same;
    } else {
      for (const sibling of siblings) {
        const common = commonLength(sibling.tokens, tokens, 0, tokens.length);
        if (common === tokens.length) return sibling;
        if (common === sibling.tokens.length && this.pool.holdersOf(sibling.page) === 0) this.drop(sibling);
      }
    }
    const hash = this.hashPage(parent?.hash, tokens, 0, tokens.length);
    const entry: CacheEntry = { page, tokens: [...tokens], parent, hash, children: new Set() };
    const bucket = this.byHash.get(hash);
    if (bucket) bucket.push(entry);
    else this.byHash.set(hash, [entry]);
    siblings.add(entry);
    this.byPage[page] = entry;
    this.pool.keep(page);
    return entry;
  }

  /** Whether the entry is still there. */
  has(entry: CacheEntry): boolean {
    return this.byPage[entry.page] === entry;
  }

  /** Forgets a page, because its content will change, and what can only be reached through it. */
  drop(entry: CacheEntry): void {
    (entry.parent ? entry.parent.children : this.roots).delete(entry);
    const pending = [entry];
    for (let gone = pending.pop(); gone; gone = pending.pop()) {
      const { hash, page } = gone;
      const bucket = this.byHash.get(hash)!;
      if (bucket.length === 1) this.byHash.delete(hash);
      else bucket.splice(bucket.indexOf(gone), 1);
      this.byPage[page] = undefined;
      this.pool.forget(page);
      pending.push(...gone.children);
      gone.children.clear();
    }
  }

  /** Equal hashes are a hint: what counts is the same parent and the same tokens. */
  private find(
    parent: CacheEntry | undefined,
    tokens: readonly number[],
    start: number,
    count: number,
  ): CacheEntry | undefined {
    return this.byHash
      .get(this.hashPage(parent?.hash, tokens, start, count))
      ?.find(
        (entry) =>
          entry.parent === parent &&
          entry.tokens.length === count &&
          commonLength(entry.tokens, tokens, start, start + count) === count,
      );
  }
}

/** How many of `page`'s first tokens are those of `tokens` from `start` on, up to `end`. */
function commonLength(
  page: readonly number[],
  tokens: readonly number[],
  start: number,
  end: number,
): number {
  const most = Math.min(page.length, end - start);
  let length = 0;
  while (length < most && page[length] === tokens[start + length]) length++;
  return length;
}

/** Hash of a page of tokens after another page: two 32-bit lanes (multiply and xor-shift), as one exact number. */
export function chainHash(
  parent: number | undefined,
  tokens: readonly number[],
  start: number,
  count: number,
): number {
  let low = 0x243f6a88 ^ (parent ?? 0);
  let high = 0x85a308d3 ^ Math.floor((parent ?? 0) / 2 ** 32);
  for (let i = start; i < start + count; i++) {
    low = Math.imul(low ^ tokens[i]!, 0x9e3779b1);
    low ^= low >>> 15;
    high = Math.imul(high + tokens[i]!, 0x85ebca77) ^ (high >>> 13);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
