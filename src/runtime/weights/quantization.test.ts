/** Quantizers, dequantization and planes against each other and against values worked out by hand. */

import { describe, expect, it } from "vitest";
import { type WeightFormat, type WeightType, weightFormats } from "../gpu/tensor.ts";
import { dequantize } from "./dequantize.ts";
import { halfToFloat } from "./half.ts";
import { deinterleave } from "./planes.ts";
import { quantize } from "./testing/quantize.ts";
import { randomWeights, seededRandom } from "./testing/random.ts";
import { randomBlocks, randomBlockTypes } from "./testing/randomBlocks.ts";
import { readPlanes } from "./testing/readPlanes.ts";

const types: WeightType[] = ["f32", "f16", "q8_0", "q4_0"];

describe("quantize", () => {
  it("Q8_0: scale, then signed bytes, halves away from zero", () => {
    const values = new Float32Array(32);
    values.set([127, -127, 0.5, -0.5, 2.5, -2.5, 1.49, 63.5]);
    const bytes = quantize("q8_0", values);
    expect(bytes.length).toBe(34);
    expect([...bytes.subarray(0, 2)]).toEqual([0x00, 0x3c]);
    expect([...new Int8Array(bytes.buffer, 2, 9)]).toEqual([127, -127, 1, -1, 3, -3, 1, 64, 0]);
  });

  it("Q4_0: the largest weight becomes 0, byte i holds weights i and i + 16", () => {
    const values = new Float32Array(32);
    values.set([-8, 7, 1, -1]);
    values.set([8, 3.4, -3.5], 16); // 8 would be 16: clamped to 15
    const bytes = quantize("q4_0", values);
    expect(bytes.length).toBe(18);
    expect([...bytes.subarray(0, 2)]).toEqual([0x00, 0x3c]);
    expect([...bytes.subarray(2, 7)]).toEqual([0xf0, 0xbf, 0x59, 0x87, 0x88]);
    expect([...dequantize("q4_0", bytes, 19)]).toEqual([-8, 7, 1, -1, ...Array(12).fill(0), 7, 3, -3]);
    // A positive largest weight makes the scale negative.
    expect([
      ...dequantize(
        "q4_0",
        quantize(
          "q4_0",
          values.map((v) => (v === -8 ? 9.6 : v)),
        ),
        2,
      ),
    ]).toEqual([-8 * halfToFloat(0xbccd), -6 * halfToFloat(0xbccd)]);
  });

  it.each(types)("%s: zeros stay zeros", (type) => {
    const bytes = quantize(type, new Float32Array(64));
    expect(dequantize(type, bytes, 64).every((value) => value === 0)).toBe(true);
  });

  it.each<[WeightType, number]>([
    ["f32", 0],
    ["f16", 2 ** -11],
    ["q8_0", 0.5 / 127 + 2 ** -11],
    ["q4_0", 1 / 8 + 2 ** -11],
  ])("%s: errors stay below the step of the block", (type, tolerance) => {
    const { blockWeights } = weightFormats[type];
    const values = randomWeights(seededRandom(3), 32 * 512, 0.7);
    const back = dequantize(type, quantize(type, values), values.length);
    let worst = 0;
    for (let start = 0; start < values.length; start += blockWeights) {
      const block = values.subarray(start, start + blockWeights);
      const largest = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      block.forEach((value, i) => {
        const error = Math.abs(value - back[start + i]!) / Math.max(largest, 2 ** -14); // below, f16 has fixed steps
        if (!(error <= tolerance)) expect.fail(`weight ${start + i}: ${value} became ${back[start + i]}`);
        worst = Math.max(worst, error);
      });
    }
    expect(worst).toBeGreaterThanOrEqual(tolerance * 0.9 * Number(type !== "f32" && type !== "f16"));
  });

  it("refuses half a block", () => {
    expect(() => quantize("q8_0", new Float32Array(40))).toThrow(/40 weights/);
    expect(() => dequantize("q8_0", new Uint8Array(34), 33)).toThrow(/34 bytes hold fewer than 33/);
  });
});

it("BF16: the upper half of an f32, to nearest, ties to even", () => {
  const bytes = quantize(
    "bf16",
    Float32Array.of(1, -2.5, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20),
  );
  expect([...new Uint16Array(bytes.buffer)]).toEqual([0x3f80, 0xc020, 0x3f80, 0x3f82, 0x3f81]);
});

describe("randomBlocks", () => {
  it.each(randomBlockTypes)("%s: centred, of the deviation that was asked for", (type) => {
    const weights = dequantize(type, randomBlocks(type, seededRandom(4), 2 ** 15, 0.05), 2 ** 15);
    const mean = weights.reduce((sum, value) => sum + value, 0) / weights.length;
    const square = weights.reduce((sum, value) => sum + value * value, 0) / weights.length;
    expect(Math.abs(mean)).toBeLessThan(0.005);
    expect(Math.sqrt(square)).toBeGreaterThan(0.03);
    expect(Math.sqrt(square)).toBeLessThan(0.07);
  });

  it("stands in for missing quantizers only, and refuses half a block", () => {
    expect(() => randomBlocks("q8_0", seededRandom(1), 32, 1)).toThrow(/q8_0/);
    expect(() => randomBlocks("q4_k", seededRandom(1), 128, 1)).toThrow(/128 weights/);
    expect(() => quantize("q4_k", new Float32Array(256))).toThrow(/q4_k/);
  });
});

describe("deinterleave", () => {
  it.each(Object.keys(weightFormats) as WeightType[])(
    "%s: planes hold the same weights as the blocks",
    (type) => {
      const format = weightFormats[type];
      const count = 256 * 5;
      const bytes = randomBlockTypes.includes(type)
        ? randomBlocks(type, seededRandom(5), count, 1)
        : quantize(type, randomWeights(seededRandom(5), count, 1));
      const blocks = bytes.length / format.blockBytes;
      const planes = format.planes.map((plane) => new Uint8Array(blocks * plane.sizeBytes));
      deinterleave(format, bytes, blocks, planes);
      // Adding 0 takes the sign off zeros.
      const expected = dequantize(type, bytes, count).map((value) => value + 0);
      expect(readPlanes(type, planes, count).map((value) => value + 0)).toEqual(expected);
    },
  );

  it("moves fields of any size and place, writing nothing else", () => {
    const format: Pick<WeightFormat, "blockBytes" | "planes"> = {
      blockBytes: 17,
      planes: [
        { name: "exponents", offsetBytes: 0, sizeBytes: 1 },
        { name: "quants", offsetBytes: 1, sizeBytes: 16 },
      ],
    };
    const source = new Uint8Array(17 * 3 + 4).map((_, i) => i + 1);
    const planes = [new Uint8Array(5).fill(200), new Uint8Array(50).fill(200)];
    deinterleave(format as WeightFormat, source, 3, planes);
    expect([...planes[0]!]).toEqual([1, 18, 35, 200, 200]);
    expect([...planes[1]!]).toEqual([
      ...[0, 17, 34].flatMap((block) => Array.from({ length: 16 }, (_, i) => block + i + 2)),
      200,
      200,
    ]);
  });
});
