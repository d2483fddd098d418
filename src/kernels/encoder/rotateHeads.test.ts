import { describe, expect, it } from "vitest";
import type { PairAxis } from "../rope.ts";
import { interleavedMropeAxes, mropeAxes, visionAxes } from "../ropeAxes.ts";
import { compare, tolerances } from "../testing/compare.ts";
import { openTestGpu } from "../testing/harness.ts";
import { randomValues, seededRandom } from "../testing/random.ts";
import { rotateHeadsRef } from "./rotateHeads.ref.ts";
import { type RotateHeadsArgs, rotateHeads } from "./rotateHeads.ts";

const tokens = { of: "tokens" } as const;
const axesOf = (axes: PairAxis[]) => axes.map(({ axis }) => axis).join("");

describe("axes of pairs", () => {
  it("in sections, interleaved, and of vision", () => {
    expect(axesOf(mropeAxes([2, 3, 1]))).toBe("001112");
    expect(mropeAxes([16, 24, 24])[16]).toEqual({ axis: 1, exponent: 0.25 });
    const interleaved = axesOf(interleavedMropeAxes([24, 20, 20]));
    expect(interleaved).toBe(`${"012".repeat(20)}0000`);
    expect(interleavedMropeAxes([24, 20, 20])[61]).toEqual({ axis: 0, exponent: 61 / 64 });
    expect(axesOf(visionAxes(16))).toBe("00001111");
    expect(visionAxes(16).map(({ exponent }) => exponent)).toEqual([0, 0.25, 0.5, 0.75, 0, 0.25, 0.5, 0.75]);
  });
});

describe("rotateHeads", () => {
  it("turns heads of a fused tensor by one to three coordinates", async () => {
    const t = await openTestGpu();
    for (const [rows, heads, headWidth, axes, coordinates] of [
      [33, 2, 80, visionAxes(80), 2],
      [7, 3, 72, visionAxes(72), 2],
      [31, 2, 128, interleavedMropeAxes([24, 20, 20]), 3],
      [1, 1, 64, undefined, 1],
    ] as const) {
      const width = heads * headWidth;
      const [start, stride] = [8, 3 * width + 8];
      const before = randomValues(rows, (rows + 1) * stride);
      const random = seededRandom(rows);
      const positions = Array.from({ length: (rows + 1) * coordinates }, () => random.integer(100_000));
      const thetaBase = 10000;
      const x = t.f32([rows + 1, stride], before);
      const args: RotateHeadsArgs = {
        x: { tensor: x, start, stride },
        ...{ heads, headWidth, rows: tokens },
        rope: { ropeWidth: headWidth, mode: "neox", thetaBase, axes },
        positions: t.u32([rows + 1, coordinates], positions),
      };
      const maxStep = { tokens: rows + 1, outputs: 0 };
      await t.run((rec) => rotateHeads(rec, args, "test"), { tokens: rows, outputs: 0 }, { maxStep });
      const given = Float64Array.from({ length: rows * width }, (_, i) => {
        return before[Math.floor(i / width) * stride + start + (i % width)]!;
      });
      const angles = Array.from({ length: rows }, (_, r) =>
        Array.from({ length: headWidth / 2 }, (_, i) => {
          const { axis, exponent } = axes?.[i] ?? { axis: 0, exponent: (2 * i) / headWidth };
          return positions[r * coordinates + axis]! * thetaBase ** -exponent;
        }),
      );
      const turned = rotateHeadsRef(given, heads, headWidth, angles);
      const expected = before.map((value, i) => {
        const [r, column] = [Math.floor(i / stride), (i % stride) - start];
        return r < rows && column >= 0 && column < width ? turned[r * width + column]! : value;
      });
      compare(await t.read(x), expected, tolerances.rowReduction, `${rows} x ${heads} x ${headWidth}`);
    }
  });

  it("refuses shapes that do not fit, naming them", async () => {
    const t = await openTestGpu();
    const x = { tensor: t.output([2, 32]) };
    const positions = t.u32([2, 2], [1, 2, 3, 4]);
    const rope = { ropeWidth: 16, mode: "neox", thetaBase: 10000, axes: visionAxes(16) } as const;
    const run = (args: Partial<RotateHeadsArgs>) =>
      t.run(
        (rec) =>
          rotateHeads(rec, { x, heads: 2, headWidth: 16, rope, positions, rows: tokens, ...args }, "q"),
        { tokens: 2, outputs: 0 },
      );
    await run({});
    await expect(run({ heads: 3 })).rejects.toThrow(/q.*\(2, 32\).*48/);
    await expect(run({ positions: t.u32([2], [1, 2]) })).rejects.toThrow(/positions.*\(2\).*2/);
    await expect(run({ rope: { ...rope, mode: "norm" } })).rejects.toThrow(/halves/);
    await expect(run({ rope: { ...rope, axes: visionAxes(8) } })).rejects.toThrow(/axes' length.*4.*8/);
    await expect(run({ rope: { ...rope, axes: mropeAxes([0, 0, 0, 0, 8]) } })).rejects.toThrow(/axis is 4/);
  });
});
