import { describe, expect, it } from "vitest";
import type { Recording } from "../../runtime/gpu/recording.ts";
import { f16Bits, f16Value } from "../formats/formats.ref.ts";
import { compare, tolerances } from "../testing/compare.ts";
import { hardwareVariants } from "../testing/hardware.ts";
import { expectUntouched, openTestGpu } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import {
  type CrossAttentionArgs,
  crossAttention,
  crossAttentionScratchShapes,
  crossAttentionSplits,
} from "./crossAttention.ts";
import { denseAttentionRef } from "./denseAttention.ref.ts";

const tokens = { of: "tokens" } as const;

const cases = [
  [1, 6, 64, 1500, "f32", undefined],
  [3, 2, 64, 1500, "f16", [1500, 130, 0]],
  [16, 1, 72, 100, "f32", [1, 99]],
  [2, 3, 80, 257, "f16", undefined],
  [2, 2, 128, 300, "f32", [300]],
] as const;

// It uses no optional feature.
describe("crossAttention", () => {
  it.each(hardwareVariants)("$name: widths of heads, splits, caches of f32 and f16", async ({ name, as }) => {
    const t = await openTestGpu();
    const { software } = as({ gpu: t.gpu } as Recording).gpu;
    const chosen = name === "sizes for a GPU" ? cases.slice(1, 3) : cases;
    for (const [rows, heads, headWidth, positions, type, lengths] of chosen) {
      const width = heads * headWidth;
      const caches = lengths?.length ?? 1;
      const q = randomValues(1, rows * width, 0.5);
      const size = caches * positions * width;
      const round = (value: number) => (type === "f16" ? f16Value(f16Bits(value)) : value);
      const [keys, values] = [randomValues(2, size).map(round), randomValues(3, size).map(round)];
      const shape = [caches, positions, width];
      const order = Array.from({ length: rows }, (_, r) => (lengths ? (r + 1) % caches : 0));
      const shapes = crossAttentionScratchShapes(software, rows, { heads, headWidth, positions });
      const out = t.output([rows + 1, width]);
      const scale = 1 / Math.sqrt(headWidth);
      const args: CrossAttentionArgs = {
        q: { tensor: t.f32([rows, width], q) },
        keys: t[type](shape, keys),
        values: t[type](shape, values),
        ...(lengths && { caches: t.u32([rows], order), lengths: t.u32([caches], lengths) }),
        ...{ heads, headWidth, scale, out, rows: tokens },
        ...(crossAttentionSplits(software, positions) > 1 && {
          scratch: { parts: t.output(shapes.parts), sums: t.output(shapes.sums) },
        }),
      };
      await t.run((rec) => crossAttention(as(rec), args, "test"), { tokens: rows, outputs: 0 });
      const expected = order.flatMap((cache, r) => {
        const start = cache * positions * width;
        const used = start + (lengths?.[cache] ?? positions) * width;
        const row = q.subarray(r * width, (r + 1) * width);
        const dims = { heads, headWidth, scale };
        return [...denseAttentionRef(row, keys.subarray(start, used), values.subarray(start, used), dims)];
      });
      const actual = await t.read(out);
      const label = `${rows} rows of ${heads} x ${headWidth}, ${positions} positions in ${type}`;
      compare(actual.subarray(0, expected.length), expected, tolerances.attention.f32, label);
      expectUntouched(actual.subarray(expected.length), label);
    }
  });
});

it("refuses shapes that do not fit, naming them", async () => {
  const t = await openTestGpu();
  const cache = t.output([2, 300, 16]);
  const run = (args: Partial<CrossAttentionArgs>) =>
    t.run(
      (rec) => {
        const q = { tensor: t.output([2, 16]) };
        const shapes = {
          q,
          keys: cache,
          values: cache,
          heads: 2,
          headWidth: 8,
          scale: 1,
          out: t.output([2, 16]),
        };
        crossAttention(rec, { ...shapes, rows: tokens, ...args }, "blk.1");
      },
      { tokens: 2, outputs: 0 },
    );
  await expect(run({})).rejects.toThrow(/blk.1.*300 positions.*scratch/);
  await expect(
    run({ scratch: { parts: t.output([2, 2, 1, 8]), sums: t.output([2, 2, 1]) } }),
  ).rejects.toThrow(/parts.*\(2, 2, 1, 8\)/);
  await expect(run({ values: t.output([2, 300, 8]) })).rejects.toThrow(
    /values.*\(2, 300, 8\).*\(2, 300, 16\)/,
  );
  await expect(run({ values: t.output([2, 300, 16], "f16") })).rejects.toThrow(/values.*f16.*f32/);
  await expect(run({ lengths: t.output([3], "u32") })).rejects.toThrow(/lengths.*\(3\).*\(2\)/);
  await expect(run({ caches: t.output([1], "u32") })).rejects.toThrow(/caches.*\(1\)/);
  await expect(run({ heads: 0 })).rejects.toThrow(/heads.*0/);
  await expect(run({ out: cache })).rejects.toThrow(/\(2, 300, 16\).*16|buffer/);
});
