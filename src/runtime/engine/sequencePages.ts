/** Which pages sequences hold: shared by content where they can be, noted in the cache as they fill, given back. */

import type { PagePool } from "./pages.ts";
import type { PrefixCache } from "./prefixCache.ts";
import type { Sequence } from "./sequence.ts";
import type { StepPlan } from "./stepPlan.ts";

export class SequencePages {
  /** To be made before the next step. */
  readonly copies: StepPlan["copies"] = [];

  constructor(
    private readonly pool: PagePool,
    private readonly cache: PrefixCache,
  ) {}

  /**
   * Gives a sequence pages for all its tokens; those that the cache has count as computed.
   * @param match what the cache has of it
   * @param reserve pages that are to stay free
   * @returns false where pages are lacking: nothing has changed then
   */
  acquire(sequence: Sequence, match: ReturnType<PrefixCache["match"]> | undefined, reserve: number): boolean {
    const { pool, cache } = this;
    const { entries = [], partial, length = 0 } = match ?? {};
    for (const { page } of entries) pool.hold(page);
    if (partial) pool.hold(partial.entry.page);
    // A whole page that was left behind by an earlier turn goes on as it is; of others a copy is made.
    const takesOver =
      partial !== undefined &&
      partial.length === partial.entry.tokens.length &&
      partial.length < pool.pageSize &&
      pool.holdersOf(partial.entry.page) === 1;
    const lacking = pool.pagesFor(sequence.length) - entries.length - (takesOver ? 1 : 0);
    if (pool.available < lacking + reserve) {
      for (const { page } of entries) pool.release(page);
      if (partial) pool.release(partial.entry.page);
      return false;
    }
    sequence.pages.push(...entries.map(({ page }) => page));
    Object.assign(sequence.chain, { length: entries.length, last: entries.at(-1), broken: false });
    if (takesOver) {
      cache.drop(partial.entry);
      sequence.pages.push(partial.entry.page);
    }
    while (sequence.pages.length < pool.pagesFor(sequence.length)) sequence.pages.push(pool.take()!);
    if (partial && !takesOver) {
      this.copies.push({ from: partial.entry.page, to: sequence.pages[entries.length]! });
      pool.release(partial.entry.page);
    }
    sequence.computed = length;
    return true;
  }

  /**
   * Has a sequence share the whole pages of another one with an equal prompt, and gives it a copy of the last one.
   * @param reserve pages that are to stay free
   * @returns false where there is no room for that
   */
  fork(follower: Sequence, leader: Sequence, reserve: number): boolean {
    const { pool } = this;
    const length = follower.prefillEnd;
    const shared = Math.floor(length / pool.pageSize);
    const needsPage = length % pool.pageSize > 0;
    if (needsPage && pool.available <= reserve) return false;
    for (const page of leader.pages.slice(0, shared)) {
      pool.hold(page);
      follower.pages.push(page);
    }
    if (needsPage) {
      const page = pool.take()!;
      follower.pages.push(page);
      // Goes with the next step, behind the one that computes the page.
      this.copies.push({ from: leader.pages[shared]!, to: page });
    }
    Object.assign(follower.chain, leader.chain);
    follower.computed = length;
    return true;
  }

  /** Notes the content of pages that are full of known tokens. */
  register({ tokens, pages, computed, chain }: Sequence): void {
    const { pageSize } = this.pool;
    const valid = Math.min(computed, tokens.length);
    while (!chain.broken && (chain.length + 1) * pageSize <= valid) {
      const start = chain.length * pageSize;
      const entry = this.cache.insert(
        chain.last,
        tokens.slice(start, start + pageSize),
        pages[chain.length]!,
      );
      if (entry) {
        chain.last = entry;
        chain.length++;
      } else chain.broken = true;
    }
  }

  /** Takes all pages back. What they hold stays cached while nobody else needs them. */
  release(sequence: Sequence): void {
    const { pool } = this;
    const { chain, pages, tokens } = sequence;
    const valid = Math.min(sequence.computed, tokens.length);
    this.register(sequence);
    const full = chain.length * pool.pageSize;
    // The last page is of use to the conversation's next turn.
    if (!chain.broken && valid > full)
      this.cache.insert(chain.last, tokens.slice(full, valid), pages[chain.length]!);
    // From the last one on, so that a page is not given up before those that need it.
    for (const page of pages.reverse()) pool.release(page);
    pages.length = 0;
    Object.assign(chain, { length: 0, last: undefined, broken: false });
    sequence.computed = 0;
  }
}
