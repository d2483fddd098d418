/** Keeps how long things took: a histogram of all, percentiles of the last ones. */

import type { DurationStats } from "./types.ts";

const bounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];
const recentCount = 512;

export class Durations {
  private count = 0;
  private sumMs = 0;
  private readonly counts = new Array<number>(bounds.length).fill(0);
  private readonly recent = new Float64Array(recentCount);

  add(ms: number): void {
    this.recent[this.count % recentCount] = ms;
    this.count++;
    this.sumMs += ms;
    const bucket = bounds.findIndex((bound) => ms <= bound);
    if (bucket >= 0) this.counts[bucket]!++;
  }

  get stats(): DurationStats {
    const sorted = this.recent.slice(0, Math.min(this.count, recentCount)).sort();
    const at = (share: number) => sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0;
    let below = 0;
    return {
      count: this.count,
      sumMs: this.sumMs,
      recent: { p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99), maxMs: sorted.at(-1) ?? 0 },
      buckets: bounds.map((leMs, i) => {
        below += this.counts[i]!;
        return { leMs, count: below };
      }),
    };
  }
}
