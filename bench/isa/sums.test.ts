import { expect, it } from "vitest";
import { type CostedCase, stepSums } from "./sums.ts";

const kernel = (step: CostedCase["step"], type: string, count: number, cycles: number, weights: number) =>
  ({ ...{ step, type, count, cycles, weights }, bytes: 2 * weights + 5 }) satisfies CostedCase;

it("sums matrices of a decode step by type", () => {
  const kernels = [
    kernel("decode", "f16", 28, 10, 100),
    kernel("decode", "f16", 28, 1000, 0),
    kernel("prefill", "f16", 28, 1e6, 100),
    kernel("decode", "q8_0", 3, 7, 50),
    kernel("decode", "f16", 1, 4, 30),
  ];
  const f16 = { dispatches: 29, cycles: 284, matrixCycles: 284, weights: 2830, bytes: 28 * 205 + 65 };
  expect(stepSums(kernels)).toEqual([
    { name: "f16", ...f16 },
    { name: "q8_0", dispatches: 3, cycles: 21, matrixCycles: 21, weights: 150, bytes: 315 },
  ]);
});

it("sums all kernels of an encoding by encoder and type", () => {
  const kernels = [
    kernel("whisper-tiny", "f16", 4, 100, 20),
    kernel("whisper-tiny", "f16", 4, 50, 0),
    kernel("siglip-b16", "f16", 1, 9, 0),
  ];
  expect(stepSums(kernels)).toEqual([
    {
      name: "whisper-tiny f16",
      dispatches: 8,
      cycles: 600,
      matrixCycles: 400,
      weights: 80,
      bytes: 4 * 45 + 4 * 5,
    },
    { name: "siglip-b16 f16", dispatches: 1, cycles: 9, matrixCycles: 0, weights: 0, bytes: 5 },
  ]);
});
