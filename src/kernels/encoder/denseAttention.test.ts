import { describe, expect, it } from "vitest";
import { compare, tolerances } from "../testing/compare.ts";
import { hardwareVariants } from "../testing/hardware.ts";
import { casesHere, expectUntouched, openTestGpu, testVariants } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { denseAttentionRef } from "./denseAttention.ref.ts";
import { type DenseAttentionArgs, denseAttention } from "./denseAttention.ts";

const tokens = { of: "tokens" } as const;

/** The same rows as columns of a wider tensor. */
function columns(values: Float32Array, width: number, start: number, stride: number, into: Float32Array) {
  for (let i = 0; i < values.length; i++)
    into[Math.floor(i / width) * stride + start + (i % width)] = values[i]!;
}

const shapes = [
  [1, 2, 64, false],
  [70, 3, 64, true],
  [33, 2, 72, false],
  [31, 2, 128, true],
] as const;

// With subgroups, adapters on a CPU have a kernel of their own.
describe("denseAttention", () => {
  it.each(testVariants)("widths of heads, partial tiles, rows of a fused tensor; $name", async (variant) => {
    const t = await openTestGpu(variant);
    for (const [rows, heads, headWidth, fused] of casesHere(shapes, [shapes[1]])) {
      const width = heads * headWidth;
      const count = (rows + 1) * width;
      // Queries large enough for weights that differ.
      const [q, k, v] = [randomValues(1, count, 0.5), randomValues(2, count), randomValues(3, count)];
      const stride = fused ? 3 * width : width;
      const all = new Float32Array(count * 3);
      for (const [i, values] of [q, k, v].entries()) columns(values, width, i * width, stride, all);
      const tensor = t.f32([rows + 1, 3 * width], all);
      const rowsOf = (i: number, values: Float32Array) =>
        fused ? { tensor, start: i * width, stride } : { tensor: t.f32([rows + 1, width], values) };
      const scale = 1 / Math.sqrt(headWidth);
      const out = t.output([rows + 1, width]);
      const args = {
        ...{ q: rowsOf(0, q), k: rowsOf(1, k), v: rowsOf(2, v) },
        ...{ heads, headWidth, scale, out, rows: tokens },
      };
      const maxStep = { tokens: rows + 1, outputs: 0 };
      await t.run((rec) => denseAttention(rec, args, "test"), { tokens: rows, outputs: 0 }, { maxStep });
      const used = (values: Float32Array) => values.subarray(0, rows * width);
      const expected = denseAttentionRef(used(q), used(k), used(v), { heads, headWidth, scale });
      const actual = await t.read(out);
      const label = `${rows} rows of ${heads} x ${headWidth}`;
      compare(actual.subarray(0, expected.length), expected, tolerances.attention.f32, label);
      expectUntouched(actual.subarray(expected.length), label);
    }
  });

  it.each(hardwareVariants)("$name: ranges of windows, of padding, and empty ones", async ({ as }) => {
    const t = await openTestGpu();
    const [rows, heads, headWidth] = [150, 2, 80];
    const width = heads * headWidth;
    const count = rows * width;
    const [q, k, v] = [randomValues(4, count, 0.5), randomValues(5, count), randomValues(6, count)];
    // Blocks of 7, then a sliding window, then rows that see nothing; some ranges end behind the last row.
    const ranges = Array.from({ length: rows }, (_, r): [number, number] => {
      if (r < 35) return [r - (r % 7), r - (r % 7) + 7];
      if (r < 130) return [Math.max(28, r - 20), r + 40];
      return r < 140 ? [rows, rows + 5] : [0xffff_fff0, 0xffff_ffff];
    });
    const out = t.output([rows, width]);
    const args = {
      q: { tensor: t.f32([rows, width], q) },
      k: { tensor: t.f32([rows, width], k) },
      v: { tensor: t.f32([rows, width], v) },
      ranges: t.u32([rows, 2], ranges.flat()),
      ...{ heads, headWidth, scale: 0.125, out, rows: tokens },
    };
    await t.run((rec) => denseAttention(as(rec), args, "test"), { tokens: rows, outputs: 0 });
    const expected = denseAttentionRef(q, k, v, {
      ...{ heads, headWidth, scale: 0.125 },
      ranges: ranges.map(([begin, end]) => [Math.min(begin, rows), Math.min(end, rows)]),
    });
    compare(await t.read(out), expected, tolerances.attention.f32);
  });
});

it("refuses shapes that do not fit, naming them", async () => {
  const t = await openTestGpu();
  const tensor = t.output([2, 16]);
  const rows = { tensor };
  const run = (args: Partial<DenseAttentionArgs>) =>
    t.run(
      (rec) => {
        const shapes = {
          q: rows,
          k: rows,
          v: rows,
          heads: 2,
          headWidth: 8,
          scale: 1,
          out: t.output([2, 16]),
        };
        denseAttention(rec, { ...shapes, rows: tokens, ...args }, "blk.1");
      },
      { tokens: 2, outputs: 0 },
    );
  await expect(run({ heads: 3 })).rejects.toThrow(/blk.1.*q is.*\(2, 16\).*24/);
  await expect(run({ headWidth: 6 })).rejects.toThrow(/headWidth.*6/);
  await expect(run({ headWidth: 260 })).rejects.toThrow(/headWidth.*260.*256/);
  await expect(run({ k: { tensor, start: 4 } })).rejects.toThrow(/k.start.*4/);
  await expect(run({ v: { tensor: t.output([2, 24]), start: 2, stride: 24 } })).rejects.toThrow(
    /v starts at 2/,
  );
  await expect(run({ ranges: t.output([2, 3], "u32") })).rejects.toThrow(/ranges.*\(2, 3\).*\(2, 2\)/);
  await expect(run({ out: tensor })).rejects.toThrow(/buffer of q/);
  await expect(run({ scale: Number.NaN })).rejects.toThrow(/scale/);
});
