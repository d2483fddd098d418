import { describe, expect, it } from "vitest";
import { attentionReference, type SequenceRows } from "./attention.ref.ts";
import { type AttentionArgs, attention, attentionScratchShape } from "./attention.ts";
import { type AttentionTuning, gpuTuning } from "./attentionArgs.ts";
import { decodeWeights, encodeWeights } from "./formats/formats.ref.ts";
import type { KvCache } from "./kvCache.ts";
import { compare, tolerances } from "./testing/compare.ts";
import { expectUntouched, openTestGpu, type TestGpu } from "./testing/harness.ts";
import { randomValues, seededRandom } from "./testing/random.ts";

interface Sizes {
  dtype: "f32" | "f16";
  pageSize: number;
  kvHeads: number;
  groupSize: number;
  headWidth: number;
  /** Cached positions of each sequence. */
  cached: readonly number[];
}

/** Sequences in shuffled pages of one cache, whose remaining slots hold NaN. */
function pagedCache(t: TestGpu, sizes: Sizes, seed: number, keyScale = 1) {
  const { dtype, pageSize, kvHeads, headWidth, cached } = sizes;
  const width = kvHeads * headWidth;
  const stored = (values: Float32Array) =>
    dtype === "f16" ? decodeWeights("f16", encodeWeights("f16", values)) : values;
  const rows = cached.map((count, i): SequenceRows => {
    const keys = stored(randomValues(seed + i, count * width, keyScale));
    return { keys, values: stored(randomValues(seed + 100 + i, count * width)) };
  });
  const pagesOf = cached.map((count) => Math.ceil(count / pageSize));
  const pages = pagesOf.reduce((a, b) => a + b) + 3;
  const maxPages = Math.max(...pagesOf) + 1;
  const random = seededRandom(seed + 200);
  const free = Array.from({ length: pages }, (_, i) => i);
  const table = new Uint32Array(cached.length * maxPages).fill(0xffff_ffff);
  const keys = new Float32Array(pages * pageSize * width).fill(Number.NaN);
  const values = keys.slice();
  rows.forEach((sequence, b) => {
    for (let p = 0; p < cached[b]!; p++) {
      const entry = b * maxPages + Math.floor(p / pageSize);
      if (p % pageSize === 0) table[entry] = free.splice(random.integer(free.length), 1)[0]!;
      for (let head = 0; head < kvHeads; head++) {
        const to = ((table[entry]! * kvHeads + head) * pageSize + (p % pageSize)) * headWidth;
        const from = p * width + head * headWidth;
        for (let e = 0; e < headWidth; e++) {
          keys[to + e] = sequence.keys[from + e]!;
          values[to + e] = sequence.values[from + e]!;
        }
      }
    }
  });
  const shape = [pages, kvHeads, pageSize, headWidth];
  const cache: KvCache = {
    keys: t[dtype](shape, keys),
    values: t[dtype](shape, values),
    pages,
    pageSize,
    kvHeads,
    headWidth,
  };
  return { cache, rows, pageTable: t.u32([cached.length, maxPages], table) };
}

interface Case extends Sizes {
  /** Sequence and length of each token. */
  tokens: readonly (readonly [sequence: number, length: number])[];
  window?: number;
  maxTokens?: number;
  split?: boolean;
  keyScale?: number;
  tuning?: AttentionTuning | undefined;
}

async function check(t: TestGpu, test: Case): Promise<string[]> {
  const { kvHeads, groupSize, headWidth, tokens, window, maxTokens = tokens.length } = test;
  const heads = kvHeads * groupSize;
  const { cache, rows, pageTable } = pagedCache(t, test, headWidth, test.keyScale);
  const width = heads * headWidth;
  const queries = randomValues(9, maxTokens * width);
  const sequence = tokens.map(([index]) => index);
  const length = tokens.map(([, count]) => count);
  const padded = (values: number[]) => [...values, ...new Array(maxTokens - values.length).fill(1)];
  const out = t.output([maxTokens, heads, headWidth]);
  const scale = 1 / Math.sqrt(headWidth);
  const splits = Math.ceil((pageTable.shape[1]! * cache.pageSize) / 128);
  const args: AttentionArgs = {
    q: t.f32([maxTokens, heads, headWidth], queries),
    cache,
    pageTable,
    sequences: t.u32([maxTokens], padded(sequence)),
    lengths: t.u32([maxTokens], padded(length)),
    out,
    heads,
    scale,
    window,
    tuning: test.tuning,
    scratch: test.split ? t.output([maxTokens, heads, splits, headWidth + 1]) : undefined,
    rows: { of: "tokens" },
  };
  const rec = await t.run(
    (recording) => attention(recording, args, "test"),
    { tokens: tokens.length, outputs: 1 },
    { maxStep: { tokens: maxTokens, outputs: 1 } },
  );
  const actual = await t.read(out);
  const reference = { heads, kvHeads, headWidth, scale, window };
  const expected = attentionReference(queries, rows, sequence, length, reference);
  // Logits of thousands are themselves only exact to thousands of f32 roundings.
  const tolerance = test.keyScale ? { max: 2e-2, nmse: 1e-5 } : tolerances.attention[test.dtype];
  compare(actual.subarray(0, tokens.length * width), expected, tolerance);
  expectUntouched(actual.subarray(tokens.length * width));
  if (test.split) await t.read(args.scratch!); // checks its guards
  return rec.labels;
}

/** The causal tokens of a prompt: `count` more after `before` cached ones. */
const prompt = (sequence: number, before: number, count: number): [number, number][] =>
  Array.from({ length: count }, (_, i) => [sequence, before + i + 1]);

const one = { kvHeads: 1, groupSize: 1 };

// Neither algorithm uses subgroups or shader-f16; what differs between adapters is the tuning.
describe.each([
  { name: "tuned for this adapter", tuning: undefined },
  { name: "tuned for a GPU", tuning: { ...gpuTuning, rolled: true } },
])("attention, $name", ({ tuning }) => {
  it.each<Case>([
    // Decode
    { ...one, headWidth: 8, dtype: "f32", pageSize: 16, cached: [1], tokens: [[0, 1]] },
    { ...one, headWidth: 64, dtype: "f16", pageSize: 16, cached: [33], tokens: [[0, 31]] },
    {
      ...{ kvHeads: 3, groupSize: 3, headWidth: 64, dtype: "f32", pageSize: 32, cached: [40, 1, 300] },
      tokens: [
        [2, 300],
        [0, 33],
        [1, 1],
        [2, 257],
      ],
      maxTokens: 5,
    },
    {
      ...{ kvHeads: 2, groupSize: 7, headWidth: 80, dtype: "f16", pageSize: 16, cached: [129, 500] },
      tokens: [
        [1, 500],
        [0, 129],
      ],
    },
    {
      ...{ kvHeads: 1, groupSize: 11, headWidth: 96, dtype: "f32", pageSize: 32, cached: [200] },
      tokens: [[0, 200]],
    },
    {
      ...{ kvHeads: 2, groupSize: 4, headWidth: 128, dtype: "f16", pageSize: 32, cached: [160], window: 33 },
      tokens: [
        [0, 160],
        [0, 20],
      ],
    },
    {
      ...{ kvHeads: 1, groupSize: 16, headWidth: 256, dtype: "f32", pageSize: 16, cached: [70] },
      tokens: [[0, 70]],
    },
    // Prefill
    {
      ...{ kvHeads: 1, groupSize: 1, headWidth: 8, dtype: "f32", pageSize: 16, cached: [33] },
      tokens: prompt(0, 0, 33),
    },
    {
      ...{ kvHeads: 3, groupSize: 3, headWidth: 64, dtype: "f32", pageSize: 32, cached: [70] },
      tokens: prompt(0, 37, 33),
      maxTokens: 40,
    },
    {
      ...{ kvHeads: 1, groupSize: 4, headWidth: 128, dtype: "f16", pageSize: 32, cached: [64], window: 9 },
      tokens: prompt(0, 0, 64),
    },
    {
      ...{ kvHeads: 2, groupSize: 7, headWidth: 80, dtype: "f16", pageSize: 16, cached: [50, 9, 120] },
      tokens: [...prompt(0, 31, 12), [2, 120], [1, 9], [1, 3], ...prompt(2, 80, 5)],
      maxTokens: 21,
    },
    {
      ...{ kvHeads: 2, groupSize: 1, headWidth: 96, dtype: "f32", pageSize: 16, cached: [31, 32] },
      tokens: [...prompt(1, 0, 32), ...prompt(0, 0, 31)],
    },
    {
      ...{ kvHeads: 1, groupSize: 2, headWidth: 256, dtype: "f32", pageSize: 16, cached: [40] },
      tokens: prompt(0, 23, 17),
    },
    {
      ...{ kvHeads: 1, groupSize: 40, headWidth: 40, dtype: "f16", pageSize: 32, cached: [40] },
      tokens: prompt(0, 28, 9),
    },
  ])("$tokens.length tokens, $kvHeads × $groupSize heads of $headWidth, $dtype", async (test) => {
    await check(await openTestGpu(), { ...test, tuning });
  });
});

describe("attention", () => {
  const sizes = { kvHeads: 2, groupSize: 3, headWidth: 64, dtype: "f32", pageSize: 16 } as const;

  it.each([undefined, 200])("splits long sequences when it may, window %s", async (window) => {
    const tokens = [
      [0, 900],
      [1, 1],
      [0, 64],
      [0, 65],
      [1, 330],
    ] as const;
    const test = { ...sizes, cached: [900, 330], tokens, maxTokens: 6, split: true };
    const labels = await check(await openTestGpu(), window === undefined ? test : { ...test, window });
    expect(labels).toEqual(["attention test", "attention test merge"]);
  });

  it("needs no scratch, and no merge, where sequences are short", async () => {
    const t = await openTestGpu();
    const shape = (capacity: number) =>
      attentionScratchShape({ ...t.gpu, software: false }, { tokens: 2, heads: 6, headWidth: 64, capacity });
    expect(shape(1024)).toBeUndefined();
    expect(shape(2048)).toEqual([2, 6, 16, 65]);
    expect(shape(1e6)).toEqual([2, 6, 32, 65]);
    const labels = await check(t, { ...sizes, cached: [100], tokens: [[0, 100]], split: true });
    expect(labels).toEqual(["attention test"]);
  });

  it.each([1, 9])("stays finite with logits of ten thousand, %i tokens", async (count) => {
    // Keys 2000 times as large: the largest logits are beyond 1e4, and one position takes nearly all the weight.
    const test = { ...sizes, cached: [80], tokens: prompt(0, 80 - count, count), keyScale: 2000 };
    await check(await openTestGpu(), test);
  });

  it("decodes what it prefills", async () => {
    const t = await openTestGpu();
    const { cache, pageTable } = pagedCache(t, { ...sizes, cached: [45] }, 1);
    const queries = randomValues(2, 12 * 6 * 64);
    const run = async (q: Float32Array, tokens: [number, number][]) => {
      const out = t.output([tokens.length, 6, 64]);
      const args: AttentionArgs = {
        q: t.f32([tokens.length, 6, 64], q),
        ...{ cache, pageTable, out, heads: 6, scale: 0.125, rows: { of: "tokens" } },
        sequences: t.u32(
          [tokens.length],
          tokens.map(([index]) => index),
        ),
        lengths: t.u32(
          [tokens.length],
          tokens.map(([, length]) => length),
        ),
      };
      await t.run((rec) => attention(rec, args, "test"), { tokens: tokens.length, outputs: 1 });
      return t.read(out);
    };
    const tokens = prompt(0, 33, 12);
    const prefilled = await run(queries, tokens);
    const decoded = await Promise.all(
      tokens.map((token, i) => run(queries.subarray(i * 384, (i + 1) * 384), [token])),
    );
    compare(
      prefilled,
      decoded.flatMap((values) => [...values]),
      { max: 1e-5, nmse: 1e-10 },
    );
  });

  it("names what does not fit", async () => {
    const t = await openTestGpu();
    const { cache, pageTable } = pagedCache(t, { ...sizes, cached: [20] }, 1);
    const tensors = { q: t.output([2, 6, 64]), out: t.output([2, 384]) };
    const indices = { sequences: t.output([2], "u32"), lengths: t.output([2], "u32") };
    const run = (changes: Partial<AttentionArgs>, tokens = 2) => {
      const args = { ...tensors, ...indices, cache, pageTable, heads: 6, scale: 1, rows: { of: "tokens" } };
      return t.run((rec) => attention(rec, { ...args, ...changes } as AttentionArgs, "blk.0"), {
        tokens,
        outputs: 1,
      });
    };
    await expect(run({}, 3)).rejects.toThrow("q is f32 (2, 6, 64) and should be f32 (3 or more, 384)");
    await expect(run({ heads: 5 })).rejects.toThrow("heads is 5 and should be a multiple of 2");
    await expect(run({ pageTable: indices.lengths })).rejects.toThrow("pageTable is u32 (2)");
    await expect(run({ window: 0 })).rejects.toThrow("window is 0");
    await expect(run({ out: tensors.q })).rejects.toThrow("out is in the buffer of q");
    const scratch = t.output([1, 6, 1, 65]);
    await expect(run({ scratch })).rejects.toThrow(
      "scratch is f32 (1, 6, 1, 65) and should be f32 (2, 6, 1, 65)",
    );
  });
});
