import { describe, expect, it } from "vitest";
import { compare, tolerances } from "../testing/compare.ts";
import { hardwareVariants } from "../testing/hardware.ts";
import { expectUntouched, openTestGpu, testVariants } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { layerNormRef } from "./layerNorm.ref.ts";
import { type LayerNormArgs, layerNorm } from "./layerNorm.ts";

const tokens = { of: "tokens" } as const;

describe.each(testVariants)("layerNorm, $name", (variant) => {
  it.each(hardwareVariants)("$name: all widths", async ({ as }) => {
    const t = await openTestGpu(variant);
    for (const [rows, columns, mean] of [
      [1, 32, 0],
      [31, 124, 3],
      [33, 384, -500],
      [5, 1280, 1],
      [2, 4100, 0],
    ] as const) {
      const x = randomValues(columns, rows * columns).map((value) => value + mean);
      const weight = randomValues(1, columns);
      const bias = randomValues(2, columns);
      const out = t.output([rows + 1, columns]);
      const args: LayerNormArgs = {
        x: t.f32([rows + 1, columns], [...x, ...new Float32Array(columns)]),
        weight: t.f32([columns], weight),
        bias: t.f32([columns], bias),
        epsilon: 1e-5,
        out,
        rows: tokens,
      };
      const step = { tokens: rows, outputs: 0 };
      const maxStep = { tokens: rows + 1, outputs: 0 };
      await t.run((rec) => layerNorm(as(rec), args, "test"), step, { maxStep });
      const actual = await t.read(out);
      const label = `(${rows}, ${columns})`;
      // A mean of 500 takes nine bits of every difference.
      const tolerance = mean === -500 ? { max: 2e-4, nmse: 1e-8 } : tolerances.rowReduction;
      compare(actual.subarray(0, rows * columns), layerNormRef(x, weight, bias, 1e-5), tolerance, label);
      expectUntouched(actual.subarray(rows * columns), label);
    }
  });
});

it("refuses shapes that do not fit, naming them", async () => {
  const t = await openTestGpu();
  const [weight, x, out] = [t.output([8]), t.output([2, 8]), t.output([2, 8])];
  const run = (args: Partial<LayerNormArgs>) =>
    t.run(
      (rec) => layerNorm(rec, { x, weight, bias: weight, epsilon: 0, out, rows: tokens, ...args }, "ln"),
      {
        tokens: 2,
        outputs: 0,
      },
    );
  await expect(run({ weight: t.output([6]) })).rejects.toThrow(/ln.*6/);
  await expect(run({ bias: t.output([4]) })).rejects.toThrow(/bias.*\(4\).*\(8\)/);
  await expect(run({ x: t.output([2, 4]) })).rejects.toThrow(/x is.*\(2, 4\).*8/);
  await expect(run({ out: t.output([1, 8]) })).rejects.toThrow(/out.*\(1, 8\)/);
  await expect(run({ out: x })).rejects.toThrow(/buffer/);
  await expect(run({ epsilon: Number.NaN })).rejects.toThrow(/epsilon/);
});
