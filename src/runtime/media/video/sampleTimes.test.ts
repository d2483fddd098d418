import { expect, test } from "vitest";
import { type KeyFramesAround, nearKeyFrames, sampleTimes } from "./sampleTimes.ts";

/** Key frames at multiples of `interval`, until `end`. */
const every =
  (interval: number, end: number): KeyFramesAround =>
  async (seconds) => {
    const before = Math.floor(seconds / interval + 1e-9) * interval;
    const after = before + interval;
    return after <= end ? { before, after } : { before };
  };

test("moments keep to the rate until there would be too many, then to the number", () => {
  expect(sampleTimes(0, 2, 2, 10)).toEqual({ times: [0, 0.5, 1, 1.5, 2], spacing: 0.5 });
  expect(sampleTimes(1, 2.9, 1, 10)).toEqual({ times: [1, 2], spacing: 1 });
  expect(sampleTimes(0, 7200, 2, 5)).toEqual({ times: [0, 1800, 3600, 5400, 7200], spacing: 1800 });
  expect(sampleTimes(0, 100, 2, 1)).toEqual({ times: [50], spacing: 100 });
  expect(sampleTimes(3, 3, 30, 1).times).toEqual([3]);
});

test("moments far apart move to key frames nearby, others stay", async () => {
  const long = sampleTimes(0, 7200, 2, 8);
  const moved = await nearKeyFrames(long, every(10, 7200), 0);
  expect(moved).toEqual([0, 1030, 2060, 3090, 4110, 5140, 6170, 7200]);
  const short = sampleTimes(0, 3, 2, 100);
  expect(await nearKeyFrames(short, every(0.4, 3), 100)).toEqual(short.times);
  // A key frame is as near as 2 seconds to some of them only.
  const some = await nearKeyFrames({ times: [0, 8, 16, 24], spacing: 8 }, every(15, 24), 100);
  expect(some).toEqual([0, 8, 15, 24]);
});

test("no key frame serves two moments", async () => {
  const moved = await nearKeyFrames({ times: [0, 1, 2, 3], spacing: 4 }, every(2.5, 3), 100);
  expect(moved).toEqual([0, 2.5]);
});

test("what would be decoded is counted once, and bounded", async () => {
  const rare = every(1e9, 7200);
  const times = sampleTimes(0, 7200, 2, 8);
  await expect(nearKeyFrames(times, rare, 1800)).rejects.toThrow(/key frames are so far apart.*1800 seconds/);
  expect(await nearKeyFrames(times, rare, 7201)).toHaveLength(8);
});
