/** The last frames of a camera. */

export interface TimedFrame<F> {
  frame: F;
  atMs: number;
}

export class FrameWindow<F> {
  #frames: TimedFrame<F>[] = [];

  /**
   * @param capacity most frames
   * @param maxAgeMs older ones, by the newest, are dropped: a page that was hidden has gaps
   */
  constructor(
    readonly capacity: number,
    readonly maxAgeMs = Number.POSITIVE_INFINITY,
  ) {}

  push(frame: F, atMs: number): void {
    this.#frames.push({ frame, atMs });
    this.#frames = this.#frames.filter((held) => atMs - held.atMs <= this.maxAgeMs).slice(-this.capacity);
  }

  /** Oldest first. */
  get frames(): readonly F[] {
    return this.#frames.map(({ frame }) => frame);
  }

  /** From the oldest to the newest. */
  get spanMs(): number {
    return this.#frames.length === 0 ? 0 : this.#frames.at(-1)!.atMs - this.#frames[0]!.atMs;
  }

  clear(): void {
    this.#frames = [];
  }
}
