import { expect, it } from "vitest";
import { floatToHalf, halfToFloat } from "./half.ts";

it("reads the values that the standard lists", () => {
  expect(halfToFloat(0x3c00)).toBe(1);
  expect(halfToFloat(0xc000)).toBe(-2);
  expect(halfToFloat(0x7bff)).toBe(65_504);
  expect(halfToFloat(0x0400)).toBe(2 ** -14);
  expect(halfToFloat(0x0001)).toBe(2 ** -24);
  expect(halfToFloat(0x3555)).toBe(0.333251953125);
  expect(Object.is(halfToFloat(0x8000), -0)).toBe(true);
  expect(halfToFloat(0xfc00)).toBe(Number.NEGATIVE_INFINITY);
  expect(halfToFloat(0x7e00)).toBeNaN();
});

it("takes every half back and forth", () => {
  for (let half = 0; half < 0x10000; half++) {
    const value = halfToFloat(half);
    if (Number.isNaN(value)) expect(floatToHalf(value) & 0x7fff).toBe(0x7e00);
    else if (floatToHalf(value) !== half)
      expect.fail(`${half.toString(16)} became ${floatToHalf(value).toString(16)}`);
  }
});

it("rounds to the nearest, ties to even", () => {
  for (let half = 0; half < 0x7bff; half++) {
    const [low, high] = [halfToFloat(half), halfToFloat(half + 1)];
    const middle = (low + high) / 2;
    const even = half & 1 ? half + 1 : half;
    const nudge = (high - low) / 1024;
    const got = [middle - nudge, middle, middle + nudge].map((value) => floatToHalf(value));
    if (String(got) !== String([half, even, half + 1]))
      expect.fail(`around ${middle}: ${got}, not ${half}, ${even}, ${half + 1}`);
    if (floatToHalf(-middle) !== (even | 0x8000)) expect.fail(`around ${-middle}`);
  }
  expect(floatToHalf(65_519)).toBe(0x7bff);
  expect(floatToHalf(65_520)).toBe(0x7c00);
  expect(floatToHalf(-1e30)).toBe(0xfc00);
  expect(floatToHalf(2 ** -25)).toBe(0);
  expect(floatToHalf(-(2 ** -26))).toBe(0x8000);
});
