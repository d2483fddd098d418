import { describe, expect, it } from "vitest";
import { rmsNormReference } from "./rmsNorm.ref.ts";
import { rmsNorm } from "./rmsNorm.ts";
import { compare, tolerances } from "./testing/compare.ts";
import { hardwareVariants } from "./testing/hardware.ts";
import { expectUntouched, openTestGpu } from "./testing/harness.ts";
import { randomValues } from "./testing/random.ts";

const eps = 1e-5;

describe.each(hardwareVariants)("rmsNorm, $name", ({ as }) => {
  it.each([
    [8, 3],
    [31, 5],
    [32, 1],
    [33, 31],
    [64, 33],
    [128, 5],
    [516, 3],
    [576, 2],
    [2048, 2],
    [4099, 2],
    [8192, 3],
  ])("width %i, %i rows", async (width, count) => {
    const t = await openTestGpu();
    const values = randomValues(width, count * width);
    const weights = randomValues(width + 1, width);
    const [x, weight, out] = [
      t.f32([count, width], values),
      t.f32([width], weights),
      t.output([count, width]),
    ];
    await t.run((rec) => rmsNorm(as(rec), { x, weight, out, width, eps, rows: { of: "tokens" } }, "test"), {
      tokens: count,
      outputs: 1,
    });
    compare(await t.read(out), rmsNormReference(values, weights, width, eps), tolerances.rowReduction);
  });
});

describe("rmsNorm", () => {
  it("normalizes heads in place and leaves what lies beyond the step", async () => {
    const t = await openTestGpu();
    const [tokens, heads, width] = [5, 3, 64];
    const values = randomValues(1, tokens * heads * width);
    const weights = randomValues(2, width);
    const [x, weight] = [t.f32([tokens, heads, width], values), t.f32([width], weights)];
    await t.run(
      (rec) => rmsNorm(rec, { x, weight, out: x, width, eps, rows: { of: "tokens", times: heads } }, "heads"),
      { tokens: 3, outputs: 1 },
      { maxStep: { tokens, outputs: 1 } },
    );
    const actual = await t.read(x);
    const used = 3 * heads * width;
    compare(
      actual.subarray(0, used),
      rmsNormReference(values.subarray(0, used), weights, width, eps),
      tolerances.rowReduction,
    );
    expect(actual.subarray(used)).toEqual(values.subarray(used));
  });

  it("counts output rows, keeps zeros finite and takes large values", async () => {
    const t = await openTestGpu();
    const width = 100;
    const values = randomValues(3, 4 * width, 1e6).fill(0, width, 2 * width);
    const weights = randomValues(4, width);
    const [x, weight, out] = [t.f32([4, width], values), t.f32([width], weights), t.output([4, width])];
    await t.run(
      (rec) => rmsNorm(rec, { x, weight, out, width, eps, rows: { of: "outputs" } }, "test"),
      { tokens: 4, outputs: 2 },
      { maxStep: { tokens: 4, outputs: 4 } },
    );
    const actual = await t.read(out);
    const expected = rmsNormReference(values.subarray(0, 2 * width), weights, width, eps);
    compare(actual.subarray(0, 2 * width), expected, tolerances.rowReduction);
    expectUntouched(actual.subarray(2 * width));
  });

  it("names both shapes when they do not fit", async () => {
    const t = await openTestGpu();
    const [x, weight] = [t.output([2, 64]), t.output([64])];
    const run = (width: number, tokens: number) =>
      t.run((rec) => rmsNorm(rec, { x, weight, out: x, width, eps, rows: { of: "tokens" } }, "norm"), {
        tokens,
        outputs: 1,
      });
    await expect(run(64, 3)).rejects.toThrow(
      "rmsNorm norm: x is f32 (2, 64) and should be f32 (3 or more, 64)",
    );
    await expect(run(32, 2)).rejects.toThrow("(2 or more, 32)");
    const half = { ...x, offsetBytes: 256, shape: [1, 64] };
    const overlapping = t.run(
      (rec) => rmsNorm(rec, { x, weight, out: half, width: 64, eps, rows: { of: "tokens" } }, "norm"),
      { tokens: 1, outputs: 1 },
    );
    await expect(overlapping).rejects.toThrow("out is another tensor in the buffer of its input");
  });
});
