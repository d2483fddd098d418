import { describe, expect, it } from "vitest";
import { rmsNormReference } from "../rmsNorm.ref.ts";
import { compare, tolerances } from "../testing/compare.ts";
import { expectUntouched, openTestGpu } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { type RmsNormRowsArgs, rmsNormRows } from "./rmsNormRows.ts";

const tokens = { of: "tokens" } as const;

describe("rmsNormRows", () => {
  it.each([false, true])(
    "gated %s: rows whose width no team divides, one more than the step has",
    async (gated) => {
      const t = await openTestGpu();
      const [rows, D] = [33, 124];
      const wide = gated ? 2 * D : D;
      // Gates reach far to both sides, where exp overflows if taken of the wrong sign.
      const x = randomValues(1, rows * wide).map((value) => Math.fround(value * (gated ? 40 : 1)));
      const weight = randomValues(2, D);
      const out = t.output([rows + 1, D]);
      const args: RmsNormRowsArgs = {
        x: t.f32([rows + 1, wide], [...x, ...new Float32Array(wide)]),
        ...{ weight: t.f32([D], weight), epsilon: 1e-6, gated, out, rows: tokens },
      };
      const maxStep = { tokens: rows + 1, outputs: 0 };
      await t.run((rec) => rmsNormRows(rec, args, "test"), { tokens: rows, outputs: 0 }, { maxStep });
      const gatedRows = Float32Array.from({ length: rows * D }, (_, i) => {
        const [r, d] = [Math.floor(i / D), i % D];
        const gate = x[r * wide + D + d]!;
        return (x[r * wide + d]! * gate) / (1 + Math.exp(-gate));
      });
      const expected = rmsNormReference(
        gated ? gatedRows : Float32Array.from(x),
        Float32Array.from(weight),
        D,
        1e-6,
      );
      const actual = await t.read(out);
      compare(actual.subarray(0, rows * D), expected, tolerances.rowReduction, `gated ${gated}`);
      expectUntouched(actual.subarray(rows * D));
    },
  );

  it("refuses shapes that do not fit, naming them", async () => {
    const t = await openTestGpu();
    const fitting = {
      x: t.output([2, 8]),
      weight: t.output([8]),
      epsilon: 0,
      out: t.output([2, 8]),
      rows: tokens,
    };
    const run = (args: Partial<RmsNormRowsArgs>) =>
      t.run((rec) => rmsNormRows(rec, { ...fitting, ...args }, "norm"), { tokens: 2, outputs: 0 });
    await expect(run({ weight: t.output([6]) })).rejects.toThrow(/norm.*6/);
    await expect(run({ gated: true })).rejects.toThrow(/x is.*\(2, 8\).*16/);
    await expect(run({ out: t.output([1, 8]) })).rejects.toThrow(/out.*\(1, 8\)/);
    await expect(run({ out: fitting.x })).rejects.toThrow(/buffer/);
    await expect(run({ epsilon: Number.NaN })).rejects.toThrow(/epsilon/);
  });
});
