/** Tokens per second over the last minute, from a counter that is read now and then. */

export const shownMs = 60_000;
/** After a longer silence (a hidden page) the curve starts anew: nobody knows what it did in between. */
const longestGapMs = 5000;

export interface ThroughputPoint {
  atMs: number;
  /** Mean since the point before. */
  tokensPerSecond: number;
}

export class Throughput {
  #last: { atMs: number; tokens: number } | undefined;
  #points: ThroughputPoint[] = [];

  /** Notes that `tokens` had been generated in all at `atMs`. Fewer than before are another model's. */
  add(atMs: number, tokens: number): void {
    const last = this.#last;
    const elapsed = atMs - (last?.atMs ?? atMs);
    if (last && elapsed <= 0 && tokens >= last.tokens) return;
    this.#last = { atMs, tokens };
    if (!last || elapsed > longestGapMs || tokens < last.tokens) this.#points = [];
    else this.#points.push({ atMs, tokensPerSecond: ((tokens - last.tokens) / elapsed) * 1000 });
    this.#points = this.#points.filter((point) => point.atMs > atMs - shownMs);
  }

  /** Oldest first; another array after each reading. */
  get points(): readonly ThroughputPoint[] {
    return this.#points;
  }

  /** 0 until it is known. */
  get now(): number {
    return this.#points.at(-1)?.tokensPerSecond ?? 0;
  }

  get peak(): number {
    return Math.max(0, ...this.#points.map(({ tokensPerSecond }) => tokensPerSecond));
  }
}

/**
 * The curve in a box: the newest point at its right edge, `shownMs` wide, 0 at its lower edge, the peak at its upper one.
 * @returns points as SVG writes them, "x,y x,y …"; empty for fewer than two
 */
export function sparkline(points: readonly ThroughputPoint[], width: number, height: number): string {
  const end = points.at(-1)?.atMs ?? 0;
  const peak = Math.max(...points.map(({ tokensPerSecond }) => tokensPerSecond));
  if (points.length < 2) return "";
  return points
    .map(({ atMs, tokensPerSecond }) => {
      const x = width * (1 - (end - atMs) / shownMs);
      const y = height * (1 - (peak > 0 ? tokensPerSecond / peak : 0));
      return `${+x.toFixed(2)},${+y.toFixed(2)}`;
    })
    .join(" ");
}
