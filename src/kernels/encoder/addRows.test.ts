import { describe, expect, it } from "vitest";
import { compare, tolerances } from "../testing/compare.ts";
import { expectUntouched, openTestGpu } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { addRowsRef } from "./addRows.ref.ts";
import { type AddRowsArgs, addRows } from "./addRows.ts";

describe("addRows", () => {
  it.each([
    [1, 4],
    [33, 128],
    [1024, 36],
  ])("%i rows of %i", async (R, D) => {
    const t = await openTestGpu();
    const [x, table, bias] = [randomValues(1, R * D), randomValues(2, R * D), randomValues(3, D)];
    for (const withBias of [true, false]) {
      const out = t.output([R, D]);
      const args: AddRowsArgs = {
        x: t.f32([R, D], x),
        table: t.f32([R, D], table),
        bias: withBias ? t.f32([D], bias) : undefined,
        ...{ width: D, out, rows: { of: "tokens" } },
      };
      await t.run((rec) => addRows(rec, args, "test"), { tokens: R, outputs: 0 });
      const all = await t.read(out);
      const expected = addRowsRef(x, table, withBias ? bias : undefined, D);
      compare(all.subarray(0, R * D), expected, tolerances.copy, `${R} x ${D}`);
      expectUntouched(all.subarray(R * D));
    }
  });

  it("refuses shapes that do not fit, naming them", async () => {
    const t = await openTestGpu();
    const zeros = (rows: number, columns: number) => t.f32([rows, columns], new Float32Array(rows * columns));
    const fitting: AddRowsArgs = {
      ...{ x: zeros(2, 8), table: zeros(2, 8), width: 8, out: t.output([2, 8]), rows: { of: "tokens" } },
    };
    const run = (args: Partial<AddRowsArgs>) =>
      t.run((rec) => addRows(rec, { ...fitting, ...args }, "sum"), { tokens: 2, outputs: 0 });
    await run({});
    await expect(run({ table: zeros(1, 8) })).rejects.toThrow(/sum.*table.*\(1, 8\)/);
    await expect(run({ bias: zeros(1, 4) })).rejects.toThrow(/bias.*\(1, 4\).*\(8\)/);
    await expect(run({ width: 6 })).rejects.toThrow(/width is 6/);
    await expect(run({ out: fitting.x })).rejects.toThrow(/out is in the buffer of x/);
  });
});
