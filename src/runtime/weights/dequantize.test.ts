import { describe, expect, it } from "vitest";
import { type WeightType, weightFormats } from "../gpu/tensor.ts";
import { dequantize } from "./dequantize.ts";
import goldens from "./testing/goldens/blocks.json";

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));

const types = Object.keys(weightFormats) as WeightType[];

it("has goldens of all types but F32 and F16", () => {
  expect([...Object.keys(goldens), "f32", "f16"].sort()).toEqual([...types].sort());
});

// The values are those of `quants.dequantize` in GGML's own Python package (gguf 0.19.0) for these blocks.
it.each(Object.entries(goldens) as [WeightType, { blocks: string; values: string }][])(
  "%s: random blocks stand for what GGML says, to the last bit",
  (type, { blocks, values }) => {
    const expected = new Float32Array(bytesOf(values).buffer);
    const actual = dequantize(type, bytesOf(blocks), expected.length);
    // Adding 0 takes the sign off zeros.
    expect(actual.map((value) => value + 0)).toEqual(expected.map((value) => value + 0));
    expect(new Set(actual).size).toBeGreaterThan(20);
  },
);

describe("dequantize", () => {
  it("F16 and F32 by hand", () => {
    expect([...dequantize("f16", Uint8Array.of(0, 0x3c, 0, 0xc4), 2)]).toEqual([1, -4]);
    expect([...dequantize("f32", new Uint8Array(Float32Array.of(0.1, -3).buffer), 2)]).toEqual([
      Math.fround(0.1),
      -3,
    ]);
  });
});
