import { expect, it } from "vitest";
import { RateMeter } from "./rate.ts";

it("measures the last seconds, not the whole download", () => {
  const meter = new RateMeter();
  for (let second = 0; second <= 10; second++) meter.add(second * 1000, second * 1e6);
  expect(meter.bytesPerSecond).toBeCloseTo(1e6, 0);
  for (let second = 11; second <= 20; second++) meter.add(second * 1000, 10e6 + (second - 10) * 5e6);
  expect(meter.bytesPerSecond).toBeCloseTo(5e6, 0);
  expect(meter.secondsLeft(85e6)).toBeCloseTo(5, 3);
});

it("says nothing before it knows", () => {
  const meter = new RateMeter();
  expect(meter.bytesPerSecond).toBe(0);
  expect(meter.secondsLeft(100)).toBeUndefined();
  meter.add(0, 0);
  meter.add(100, 50);
  expect(meter.bytesPerSecond).toBe(0);
  meter.add(300, 50);
  expect(meter.secondsLeft(0)).toBeUndefined();
});
