import { expect, it } from "vitest";
import { stepMs } from "./model.ts";

const gpu = { name: "a GPU", bytesPerSecond: 500e9 };

it("adds the time of the bytes and that of the dispatches", () => {
  expect(stepMs(gpu, 1e9, 0, 5e-6)).toBeCloseTo(2, 12);
  expect(stepMs(gpu, 0, 200, 5e-6)).toBeCloseTo(1, 12);
  expect(stepMs(gpu, 1e9, 200, 5e-6)).toBeCloseTo(3, 12);
});
