import { describe, expect, it } from "vitest";
import type { Recording } from "../../runtime/gpu/recording.ts";
import { f16Bits, f16Value } from "../formats/formats.ref.ts";
import { compare, tolerances } from "../testing/compare.ts";
import { hardwareVariants } from "../testing/hardware.ts";
import { expectUntouched, openTestGpu, testVariants } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { cachedAttentionRef } from "./cachedAttention.ref.ts";
import { attentionScratch, type CachedAttentionArgs, cachedAttention } from "./cachedAttention.ts";

const rows = { of: "tokens" } as const;

/** Columns `start` to `start + width` of rows of `stride`. */
const columns = (values: Float32Array, row: number, stride: number, start: number, width: number) =>
  values.subarray(row * stride + start, row * stride + start + width);

describe.each(testVariants)("cachedAttention, $name", (variant) => {
  const cases = [
    { T: 3, heads: 6, E: 64, keys: 1500, own: false, keep: true, half: false },
    { T: 5, heads: 2, E: 64, keys: 448, own: true, keep: false, half: false },
    { T: 4, heads: 3, E: 80, keys: 33, own: true, keep: true, half: true },
    { T: 1, heads: 1, E: 32, keys: 1, own: false, keep: false, half: true },
  ];
  it.each(hardwareVariants)(
    "$name: all keys, or those up to a position, with and without scores",
    async ({ name, as }) => {
      const t = await openTestGpu(variant);
      // Unrolled loops, as a GPU has them, take Mesa seconds to compile.
      for (const { T, heads, E, keys, own, keep, half } of name === "sizes for a GPU"
        ? cases.slice(0, 2)
        : cases) {
        const label = `T ${T}, ${heads} heads of ${E}, ${keys} keys`;
        const width = heads * E;
        const q = randomValues(T + keys, T * (width + 8), 2);
        const exact = randomValues(E + keys, keys * (2 * width + 4), 1);
        const kv = half ? exact.map((value) => f16Value(f16Bits(value))) : exact;
        const positions = Array.from({ length: T }, (_, i) =>
          i === 0 ? keys - 1 : Math.min(keys - 1, i * 31),
        );
        const out = t.output([T + 1, width]);
        const scores = t.output([T + 1, heads, keys]);
        const kvTensor = t[half ? "f16" : "f32"]([keys, 2 * width + 4], kv);
        const args: CachedAttentionArgs = {
          q: { tensor: t.f32([T, width + 8], q), start: 8, stride: width + 8 },
          k: { tensor: kvTensor, start: 4, stride: 2 * width + 4 },
          v: { tensor: kvTensor, start: 4 + width, stride: 2 * width + 4 },
          ...{ heads, headWidth: E, scale: 1 / Math.sqrt(E), keys, rows },
          positions: own ? t.u32([T + 1], [...positions, 0]) : undefined,
          scratch: t.output([attentionScratch(T + 1, heads, E, keys)]),
          scores: keep ? scores : undefined,
          out,
        };
        args.q.tensor = t.f32([T + 1, width + 8], [...q, ...new Float32Array(width + 8)]);
        const run = (rec: Recording) => cachedAttention(as(rec), args, "test");
        const maxStep = { tokens: T + 1, outputs: 0 };
        await t.run(run, { tokens: T, outputs: 0 }, { maxStep });
        const actual = await t.read(out);
        const actualScores = await t.read(scores);
        const whole = (start: number) =>
          Float32Array.from({ length: keys * width }, (_, i) => {
            const row = Math.floor(i / width);
            return kv[row * (2 * width + 4) + start + (i % width)]!;
          });
        const [k, v] = [whole(4), whole(4 + width)];
        for (let row = 0; row < T; row++) {
          const visible = own ? positions[row]! + 1 : keys;
          const ref = cachedAttentionRef({
            ...{ q: columns(q, row, width + 8, 8, width), k, v, heads, headWidth: E },
            ...{ scale: 1 / Math.sqrt(E), visible },
          });
          compare(
            columns(actual as Float32Array, row, width, 0, width),
            ref.out,
            tolerances.attention.f32,
            label,
          );
          if (!keep) continue;
          for (let h = 0; h < heads; h++) {
            const at = (row * heads + h) * keys;
            const wanted = ref.scores.subarray(h * visible, (h + 1) * visible);
            compare(actualScores.subarray(at, at + visible), wanted, tolerances.matmul, `${label}: scores`);
            expectUntouched(actualScores.subarray(at + visible, at + keys), "scores of hidden keys");
          }
        }
        expectUntouched(actual.subarray(T * width));
      }
    },
  );
});

it("cachedAttention refuses what does not fit, naming it", async () => {
  const t = await openTestGpu();
  const tensor = t.output([9, 16]);
  const args: CachedAttentionArgs = {
    ...{ q: { tensor }, k: { tensor: t.output([5, 16]) }, v: { tensor: t.output([5, 16]) }, keys: 5 },
    ...{
      heads: 2,
      headWidth: 8,
      scale: 1,
      scratch: t.output([attentionScratch(9, 2, 8, 5)]),
      out: t.output([9, 16]),
      rows,
    },
  };
  const run = (change: Partial<CachedAttentionArgs>) =>
    t.run((rec) => cachedAttention(rec, { ...args, ...change }, "a"), { tokens: 9, outputs: 0 });
  await run({});
  await expect(run({ keys: 6 })).rejects.toThrow(/k is f32 \(5, 16\).*f16 \(6 or more, 16\)/);
  await expect(run({ heads: 3 })).rejects.toThrow(/\(9, 16\)/);
  await expect(run({ scratch: t.output([8]) })).rejects.toThrow(/scratch holds 8/);
  await expect(run({ positions: t.u32([8], new Uint32Array(8)) })).rejects.toThrow(/positions.*\(8\)/);
  await expect(run({ scores: t.output([9, 2, 6]) })).rejects.toThrow(/scores/);
  await expect(run({ out: tensor })).rejects.toThrow(/out is in the buffer/);
  await expect(run({ headWidth: 6 })).rejects.toThrow(/headWidth is 6/);
});
