import { describe, expect, it } from "vitest";
import { sparkline, Throughput } from "./throughput.ts";

describe("throughput", () => {
  it("is the mean between two readings", () => {
    const rate = new Throughput();
    expect([rate.now, rate.peak]).toEqual([0, 0]);
    rate.add(1000, 500);
    expect([rate.now, rate.points.length]).toEqual([0, 0]); // what came before is not of this second
    rate.add(2000, 520);
    rate.add(4000, 530);
    expect(rate.points).toEqual([
      { atMs: 2000, tokensPerSecond: 20 },
      { atMs: 4000, tokensPerSecond: 5 },
    ]);
    expect([rate.now, rate.peak]).toEqual([5, 20]);
    rate.add(5000, 530);
    expect(rate.now).toBe(0);
    rate.add(5000, 540); // no time has passed
    expect(rate.now).toBe(0);
  });

  it("keeps a minute", () => {
    const rate = new Throughput();
    for (let second = 0; second <= 200; second++) rate.add(second * 1000, second < 100 ? 0 : second * 3);
    expect(rate.points).toHaveLength(60);
    expect(rate.points[0]!.atMs).toBe(141_000);
    expect(rate.peak).toBe(3);
  });

  it("starts anew after a gap and with another model", () => {
    const rate = new Throughput();
    for (let second = 0; second < 5; second++) rate.add(second * 1000, second * 10);
    rate.add(60_000, 1000);
    expect(rate.points).toEqual([]);
    rate.add(61_000, 1004);
    expect(rate.now).toBe(4);
    rate.add(62_000, 3);
    expect(rate.points).toEqual([]);
    rate.add(63_000, 10);
    expect(rate.points).toEqual([{ atMs: 63_000, tokensPerSecond: 7 }]);
  });
});

describe("sparkline", () => {
  const points = (...rates: number[]) =>
    rates.map((tokensPerSecond, i) => ({ atMs: i * 30_000, tokensPerSecond }));

  it("fills its box from 0 to the peak, the newest at the right", () => {
    expect(sparkline(points(0, 10, 5), 120, 30)).toBe("0,30 60,0 120,15");
    expect(sparkline(points(8, 8), 120, 30)).toBe("60,0 120,0");
  });

  it("lies flat where nothing is generated, and is empty before there are two points", () => {
    expect(sparkline(points(0, 0), 120, 30)).toBe("60,30 120,30");
    expect(sparkline(points(4), 120, 30)).toBe("");
    expect(sparkline([], 120, 30)).toBe("");
  });
});
