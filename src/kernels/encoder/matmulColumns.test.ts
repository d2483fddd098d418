import { describe, expect, it } from "vitest";
import { matmulRef } from "../matmul.ref.ts";
import { compare, tolerances } from "../testing/compare.ts";
import { expectUntouched, openTestGpu } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { type MatmulColumnsArgs, matmulColumns } from "./matmulColumns.ts";

const rows = { of: "outputs" } as const;

describe("matmulColumns", () => {
  it("more outputs than a workgroup has, rows that no thread divides", async () => {
    const t = await openTestGpu();
    const [R, maxR, K, N] = [5, 6, 36, 268];
    const x = randomValues(1, maxR * K);
    const weight = randomValues(2, K * N);
    const out = t.output([maxR, N]);
    const args = { x: t.f32([maxR, K], x), weight: t.f32([K, N], weight), out, rows };
    const maxStep = { tokens: 1, outputs: maxR };
    await t.run((rec) => matmulColumns(rec, args, "test"), { tokens: 1, outputs: R }, { maxStep });
    const byOutput = Float32Array.from({ length: K * N }, (_, i) => weight[(i % K) * N + Math.floor(i / K)]!);
    const actual = await t.read(out);
    const expected = matmulRef(x.subarray(0, R * K), byOutput, K);
    compare(actual.subarray(0, R * N), expected, tolerances.rowReduction, "columns");
    expectUntouched(actual.subarray(R * N));
  });

  it("refuses shapes that do not fit, naming them", async () => {
    const t = await openTestGpu();
    const fitting = { x: t.output([2, 8]), weight: t.output([8, 4]), out: t.output([2, 4]), rows };
    const run = (args: Partial<MatmulColumnsArgs>) =>
      t.run((rec) => matmulColumns(rec, { ...fitting, ...args }, "m"), { tokens: 1, outputs: 2 });
    await expect(run({ weight: t.output([8, 6]) })).rejects.toThrow(/m: weight is f32 \(8, 6\)/);
    await expect(run({ x: t.output([2, 4]) })).rejects.toThrow(/x is f32 \(2, 4\).*8/);
    await expect(run({ out: t.output([1, 4]) })).rejects.toThrow(/out is f32 \(1, 4\)/);
  });
});
