/**
 * Greedy merging of neighbours, the heart of both byte-pair encoding and SentencePiece's BPE: of all pairs
 * that may merge, the one with the lowest priority merges first; ties go to the leftmost. A heap makes it
 * O(n log n), so that a megabyte without a space stays fast.
 */

/** The priority with which text[start, mid) and text[mid, end) merge, lower first; undefined: never. */
export type PairPriority = (start: number, mid: number, end: number) => number | undefined;

/**
 * @param starts where each symbol starts, ascending; the last one ends at `end`
 * @returns where the merged symbols start
 */
export function mergeSymbols(starts: ArrayLike<number>, end: number, priority: PairPriority): number[] {
  const count = starts.length;
  const ends = new Int32Array(count);
  const previous = new Int32Array(count);
  const next = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    ends[i] = i + 1 < count ? starts[i + 1]! : end;
    previous[i] = i - 1;
    next[i] = i + 1 < count ? i + 1 : -1;
  }
  // A symbol that was merged away has the end -1; a queued pair is stale when its end has moved.
  const queue = new PairQueue();
  const offer = (left: number) => {
    const right = left < 0 ? -1 : next[left]!;
    if (right < 0) return;
    const value = priority(starts[left]!, starts[right]!, ends[right]!);
    if (value !== undefined) queue.push(value, left, starts[right]!, ends[right]!);
  };
  for (let i = 0; i + 1 < count; i++) offer(i);

  while (queue.pop()) {
    const left = queue.left;
    const right = next[left]!;
    if (ends[left] !== queue.mid || right < 0 || ends[right] !== queue.end) continue;
    ends[left] = ends[right]!;
    ends[right] = -1;
    next[left] = next[right]!;
    if (next[left]! >= 0) previous[next[left]!] = left;
    offer(previous[left]!);
    offer(left);
  }
  const merged: number[] = [];
  for (let i = count > 0 ? 0 : -1; i >= 0; i = next[i]!) merged.push(starts[i]!);
  return merged;
}

/** A binary heap of pairs in parallel arrays; `pop` leaves the pair in `left`, `mid` and `end`. */
class PairQueue {
  left = 0;
  mid = 0;
  end = 0;
  readonly #priorities: number[] = [];
  readonly #lefts: number[] = [];
  readonly #mids: number[] = [];
  readonly #ends: number[] = [];

  push(priority: number, left: number, mid: number, end: number): void {
    let at = this.#priorities.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(priority, left, this.#priorities[parent]!, this.#lefts[parent]!)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, priority, left, mid, end);
  }

  pop(): boolean {
    if (this.#priorities.length === 0) return false;
    this.left = this.#lefts[0]!;
    this.mid = this.#mids[0]!;
    this.end = this.#ends[0]!;
    const priority = this.#priorities.pop()!;
    const left = this.#lefts.pop()!;
    const mid = this.#mids.pop()!;
    const end = this.#ends.pop()!;
    const length = this.#priorities.length;
    if (length === 0) return true;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      const sibling = child + 1;
      if (sibling < length && this.#before(sibling, child)) child = sibling;
      if (!before(this.#priorities[child]!, this.#lefts[child]!, priority, left)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, priority, left, mid, end);
    return true;
  }

  #before(a: number, b: number): boolean {
    return before(this.#priorities[a]!, this.#lefts[a]!, this.#priorities[b]!, this.#lefts[b]!);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#priorities[from]!, this.#lefts[from]!, this.#mids[from]!, this.#ends[from]!);
  }

  #put(at: number, priority: number, left: number, mid: number, end: number): void {
    this.#priorities[at] = priority;
    this.#lefts[at] = left;
    this.#mids[at] = mid;
    this.#ends[at] = end;
  }
}

function before(priorityA: number, leftA: number, priorityB: number, leftB: number): boolean {
  return priorityA < priorityB || (priorityA === priorityB && leftA < leftB);
}
