/** The pages of the KV cache: which are free, and which hold the positions of a sequence. */

import { OmniError } from "../errors.ts";

/** Hands out page numbers 0 to count - 1. */
export class PagePool {
  private readonly free: number[];

  constructor(
    readonly count: number,
    /** Positions a page holds. */
    readonly pageSize: number,
  ) {
    this.free = Array.from({ length: count }, (_, i) => count - 1 - i);
  }

  get used(): number {
    return this.count - this.free.length;
  }

  /** @throws OmniError `out_of_memory` where no page is left */
  take(): number {
    const page = this.free.pop();
    if (page === undefined)
      throw new OmniError("out_of_memory", `All ${this.count} pages of the KV cache are in use.`, {
        param: "kvCache",
      });
    return page;
  }

  give(page: number): void {
    this.free.push(page);
  }
}

/** The cached positions of one sequence and the tokens they stand for. */
export class CachedSequence {
  /** Tokens whose keys and values are in the cache, by position. */
  readonly tokens: number[] = [];
  readonly pages: number[] = [];

  constructor(private readonly pool: PagePool) {}

  get length(): number {
    return this.tokens.length;
  }

  /** Keeps the first `length` positions and gives back the pages that only later ones used. */
  truncate(length: number): void {
    this.tokens.length = Math.min(length, this.tokens.length);
    const keep = Math.ceil(this.tokens.length / this.pool.pageSize);
    while (this.pages.length > keep) this.pool.give(this.pages.pop()!);
  }

  /** Makes room for tokens and notes them; the caller computes their keys and values. */
  append(tokens: readonly number[]): void {
    const pages = Math.ceil((this.tokens.length + tokens.length) / this.pool.pageSize);
    while (this.pages.length < pages) this.pages.push(this.pool.take());
    for (const token of tokens) this.tokens.push(token);
  }

  /** How many of its first positions hold these tokens. */
  commonPrefix(tokens: readonly number[]): number {
    const most = Math.min(tokens.length, this.tokens.length);
    let length = 0;
    while (length < most && tokens[length] === this.tokens[length]) length++;
    return length;
  }

  /** Where in the cache a position lies: page * pageSize + offset. */
  slot(position: number): number {
    const { pageSize } = this.pool;
    return this.pages[Math.floor(position / pageSize)]! * pageSize + (position % pageSize);
  }
}
