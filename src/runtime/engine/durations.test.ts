import { expect, test } from "vitest";
import { Durations } from "./durations.ts";

test("percentiles are of the last 512, buckets of all", () => {
  const durations = new Durations();
  expect(durations.stats).toMatchObject({
    count: 0,
    sumMs: 0,
    recent: { p50Ms: 0, p90Ms: 0, p99Ms: 0, maxMs: 0 },
  });
  for (let i = 0; i < 600; i++) durations.add(70_000);
  for (let i = 0; i < 512; i++) durations.add(i + 0.5);
  const { count, sumMs, recent, buckets } = durations.stats;
  expect(count).toBe(1112);
  expect(sumMs).toBeCloseTo(600 * 70_000 + (512 * 512) / 2);
  expect(recent).toEqual({ p50Ms: 256.5, p90Ms: 460.5, p99Ms: 506.5, maxMs: 511.5 });
  expect(buckets.find(({ leMs }) => leMs === 100)).toEqual({ leMs: 100, count: 100 });
  expect(buckets.at(-1)).toEqual({ leMs: 60_000, count: 512 });
});
