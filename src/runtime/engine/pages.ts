/** The pages of the KV cache: which are free, which are held, and which are kept for their content. */

/**
 * Hands out page numbers 0 to count - 1 and counts who holds them. A page that nobody holds is free, or idle if its
 * content was marked as worth keeping: idle pages are given up last, the least recently held first.
 */
export class PagePool {
  private readonly free: number[];
  private readonly holders: Uint32Array;
  private readonly kept: Uint8Array;
  /** Idle pages in the order in which they were let go. */
  private readonly idle = new Set<number>();
  /** Called with an idle page before it is handed out for other content. */
  onEvict: (page: number) => void = () => {};

  constructor(
    readonly count: number,
    /** Positions a page holds. */
    readonly pageSize: number,
  ) {
    this.free = Array.from({ length: count }, (_, i) => count - 1 - i);
    this.holders = new Uint32Array(count);
    this.kept = new Uint8Array(count);
  }

  /** Pages that somebody holds. */
  get used(): number {
    return this.count - this.available;
  }

  /** Pages that {@link take} can give: free and idle ones. */
  get available(): number {
    return this.free.length + this.idle.size;
  }

  get cached(): number {
    return this.idle.size;
  }

  holdersOf(page: number): number {
    return this.holders[page]!;
  }

  /** Pages for this many positions. */
  pagesFor(positions: number): number {
    return Math.ceil(positions / this.pageSize);
  }

  /** A page for new content with one holder, or undefined where all are held. */
  take(): number | undefined {
    let page = this.free.pop();
    if (page === undefined) {
      for (page of this.idle) break;
      if (page === undefined) return undefined;
      this.onEvict(page);
      this.forget(page);
      page = this.free.pop()!;
    }
    this.holders[page] = 1;
    return page;
  }

  /** One more holder. */
  hold(page: number): void {
    this.idle.delete(page);
    this.holders[page]!++;
  }

  /** One holder less. */
  release(page: number): void {
    this.holders[page]!--;
    if (this.holders[page]! > 0) return;
    if (this.kept[page]) this.idle.add(page);
    else this.free.push(page);
  }

  /** The content is worth keeping when nobody holds the page. */
  keep(page: number): void {
    this.kept[page] = 1;
  }

  /** It no longer is. */
  forget(page: number): void {
    this.kept[page] = 0;
    if (this.idle.delete(page)) this.free.push(page);
  }
}
