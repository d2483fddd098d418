/** How many prompt tokens a step takes: as many as the GPU computes in about 100 ms, so that the page keeps painting. */

const targetMs = 100;
const smallest = 16;
const first = 64;

export class ChunkSize {
  private tokensPerMs: number | undefined;

  /** @param most what a step can hold */
  constructor(private readonly most: number) {}

  /** Tokens for the next step: a multiple of 16, as kernels like it. */
  get next(): number {
    const wanted = this.tokensPerMs === undefined ? first : this.tokensPerMs * targetMs;
    const rounded = Math.floor(wanted / smallest) * smallest;
    return Math.min(Math.max(rounded, smallest), this.most);
  }

  /** Notes how long a step took. Short steps say little: they cost about the same whatever their size. */
  observe(tokens: number, elapsedMs: number): void {
    if (tokens < Math.min(smallest, this.most)) return;
    const speed = tokens / Math.max(elapsedMs, 0.01);
    // Slower at once, faster by and by: one lucky step must not make the next one long.
    this.tokensPerMs = this.tokensPerMs === undefined ? speed : Math.min(speed, this.tokensPerMs * 2);
  }
}
