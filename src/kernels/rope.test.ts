import { describe, expect, it } from "vitest";
import { ropeReference } from "./rope.ref.ts";
import { type RopeArgs, rope } from "./rope.ts";
import { compare } from "./testing/compare.ts";
import { openTestGpu, testVariants } from "./testing/harness.ts";
import { randomValues, seededRandom } from "./testing/random.ts";

const rows = { of: "tokens" } as const;
/** As good at position 131071 as at 0. */
const tolerance = { max: 2e-6, nmse: 1e-12 };
const positionsOf = (count: number) =>
  [0, 1, 2, 63, 4099, 32768, 65535, 65536, 131071].slice(-count).reverse();

describe.each(testVariants)("rope, $name", (variant) => {
  it.each([
    { mode: "norm", heads: 1, headWidth: 8, ropeWidth: 8, thetaBase: 10000 },
    { mode: "neox", heads: 1, headWidth: 8, ropeWidth: 8, thetaBase: 10000 },
    { mode: "norm", heads: 9, headWidth: 64, ropeWidth: 64, thetaBase: 500000 },
    { mode: "neox", heads: 3, headWidth: 128, ropeWidth: 128, thetaBase: 1e6 },
    { mode: "neox", heads: 4, headWidth: 80, ropeWidth: 32, thetaBase: 10000 },
    { mode: "norm", heads: 2, headWidth: 96, ropeWidth: 62, thetaBase: 1, positionScale: 0.125 },
    { mode: "norm", heads: 31, headWidth: 256, ropeWidth: 2, thetaBase: 10000, positionScale: 1 / 3 },
  ] as const)("$mode, $heads heads, $ropeWidth of $headWidth", async (args) => {
    const t = await openTestGpu(variant);
    const positionValues = positionsOf(9);
    const values = randomValues(args.headWidth, 9 * args.heads * args.headWidth);
    const [x, positions] = [t.f32([9, args.heads, args.headWidth], values), t.u32([9], positionValues)];
    await t.run((rec) => rope(rec, { x, positions, rows, ...args }, "test"), { tokens: 9, outputs: 1 });
    compare(await t.read(x), ropeReference(values, positionValues, args), tolerance);
  });

  it.each(["norm", "neox"] as const)("%s with frequency factors of any size", async (mode) => {
    const t = await openTestGpu(variant);
    const random = seededRandom(5);
    const factors = Float32Array.from({ length: 32 }, (_, i) =>
      i < 8 ? [1, 8, 32, 1.08, 0.75, 0.0078125, 1000, 1e6][i]! : 0.5 + 8 * random.uniform(),
    );
    const args = { mode, heads: 2, headWidth: 64, ropeWidth: 64, thetaBase: 500000 };
    const positionValues = positionsOf(9);
    const values = randomValues(3, 9 * 2 * 64);
    const [x, positions] = [t.f32([9, 2, 64], values), t.u32([9], positionValues)];
    const frequencyFactors = t.f32([32], factors);
    await t.run((rec) => rope(rec, { x, positions, frequencyFactors, rows, ...args }, "test"), {
      tokens: 9,
      outputs: 1,
    });
    const expected = ropeReference(values, positionValues, { ...args, frequencyFactors: factors });
    // A factor of 2^-7 costs 7 of the 32 bits that an angle has after the point.
    compare(await t.read(x), expected, { max: 1e-5, nmse: 1e-12 });
  });
});

describe("rope", () => {
  const args = { mode: "norm", heads: 3, headWidth: 16, ropeWidth: 16, thetaBase: 10000, rows } as const;

  it("leaves tokens beyond the step alone", async () => {
    const t = await openTestGpu();
    const values = randomValues(1, 5 * 48);
    const [x, positions] = [t.f32([5, 48], values), t.u32([5], [9, 8, 7, 6, 5])];
    const maxStep = { tokens: 5, outputs: 1 };
    await t.run(
      (rec) => rope(rec, { x, positions, ...args }, "test"),
      { tokens: 2, outputs: 1 },
      { maxStep },
    );
    const actual = await t.read(x);
    compare(actual.subarray(0, 96), ropeReference(values.subarray(0, 96), [9, 8], args), tolerance);
    expect(actual.subarray(96)).toEqual(values.subarray(96));
  });

  it("names what does not fit", async () => {
    const t = await openTestGpu();
    const [x, positions] = [t.output([2, 3, 16]), t.output([2], "u32")];
    const run = (changes: Partial<RopeArgs>, tokens = 2) =>
      t.run((rec) => rope(rec, { x, positions, ...args, ...changes }, "rope_q"), { tokens, outputs: 1 });
    await expect(run({}, 3)).rejects.toThrow("x is f32 (2, 3, 16) and should be f32 (3 or more, 48)");
    await expect(run({ ropeWidth: 18 })).rejects.toThrow("ropeWidth is 18");
    await expect(run({ ropeWidth: 7 })).rejects.toThrow("ropeWidth is 7");
    await expect(run({ thetaBase: Number.NaN })).rejects.toThrow("thetaBase is NaN");
    await expect(run({ frequencyFactors: t.output([4]) })).rejects.toThrow("f32 (4) and should be f32 (8)");
  });
});
