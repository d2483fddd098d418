import { describe, expect, it } from "vitest";
import type { Recording } from "../runtime/gpu/recording.ts";
import { type AttentionArgs, attentionScratchShape, decodeAttention, prefillAttention } from "./attention.ts";
import { gpuTuning } from "./attentionArgs.ts";
import { type AttentionCase, checkAttention, tokenInputs } from "./testing/attentionCase.ts";
import { compare } from "./testing/compare.ts";
import { casesHere, openTestGpu, plainVariant } from "./testing/harness.ts";

/** The causal tokens of a prompt: `count` more after `before` cached ones. */
const prompt = (sequence: number, before: number, count: number): [number, number][] =>
  Array.from({ length: count }, (_, i) => [sequence, before + i + 1]);

/** Tokens that see each other both ways: so many rows of a span. */
const span = (sequence: number, before: number, count: number): [number, number, number][] =>
  prompt(sequence, before, count).map(([of, length]) => [of, length, before + count]);

const forGpu = { ...gpuTuning, rolled: true };
const one = { kvHeads: 1, groupSize: 1 };
const neox = { mode: "neox", thetaBase: 10_000 } as const;
const norm = { mode: "norm", thetaBase: 500_000 } as const;

const decodeCases: AttentionCase[] = [
  { ...one, headWidth: 8, type: "f32", pageSize: 16, tokens: [[0, 1]] },
  {
    ...{ kvHeads: 3, groupSize: 3, headWidth: 64, type: "f16", pageSize: 32, maxTokens: 6, out: "packed" },
    tokens: [
      [2, 300],
      [0, 33],
      [1, 1],
      [4, 2],
      [3, 257],
    ],
    rope: { ...norm, ropeWidth: 64, factors: true },
  },
  {
    ...{ kvHeads: 2, groupSize: 4, headWidth: 128, type: "f16", pageSize: 32, window: 33, out: "float" },
    tokens: [
      [0, 160],
      [1, 20],
    ],
    rope: { ...neox, ropeWidth: 128 },
    norm: true,
  },
  {
    ...{ kvHeads: 2, groupSize: 2, headWidth: 64, type: "q8", pageSize: 32, out: "packed", norm: true },
    tokens: [
      [1, 140],
      [0, 63],
    ],
    rope: { ...neox, ropeWidth: 64, positionScale: 0.25 },
  },
  {
    ...{ kvHeads: 2, groupSize: 7, headWidth: 80, type: "f16", pageSize: 16 },
    tokens: [
      [1, 500],
      [0, 129],
    ],
    rope: { ...neox, ropeWidth: 32 },
  },
  {
    ...{ kvHeads: 1, groupSize: 11, headWidth: 96, type: "q8", pageSize: 4, out: "float" },
    tokens: [[0, 200]],
    rope: { ...norm, ropeWidth: 62 },
  },
  {
    ...{ kvHeads: 1, groupSize: 16, headWidth: 256, type: "f32", pageSize: 16, out: "packed", norm: true },
    tokens: [[0, 70]],
    rope: { ...norm, ropeWidth: 2 },
  },
  { kvHeads: 1, groupSize: 2, headWidth: 40, type: "f32", pageSize: 1, tokens: [[0, 21]], window: 1 },
];

const prefillCases: AttentionCase[] = [
  {
    ...one,
    headWidth: 8,
    type: "f32",
    pageSize: 16,
    tokens: prompt(0, 0, 33),
    rope: { ...norm, ropeWidth: 8 },
  },
  {
    ...{ kvHeads: 3, groupSize: 3, headWidth: 64, type: "f16", pageSize: 32, maxTokens: 40, out: "packed" },
    tokens: prompt(0, 37, 33),
    rope: { ...norm, ropeWidth: 64, factors: true },
  },
  {
    ...{ kvHeads: 1, groupSize: 4, headWidth: 128, type: "f16", pageSize: 32, window: 9, out: "float" },
    ...{ tokens: prompt(0, 0, 64), rope: { ...neox, ropeWidth: 128 }, norm: true },
  },
  {
    ...{ kvHeads: 2, groupSize: 7, headWidth: 80, type: "f16", pageSize: 16 },
    tokens: [...prompt(0, 31, 12), [2, 120], [1, 9], [3, 3], ...prompt(4, 80, 5)],
    ...{ maxTokens: 21, rope: { ...neox, ropeWidth: 32 } },
  },
  {
    ...{ kvHeads: 2, groupSize: 1, headWidth: 96, type: "q8", pageSize: 16, out: "packed", norm: true },
    tokens: [...prompt(1, 0, 32), ...prompt(0, 0, 31)],
  },
  {
    ...{ kvHeads: 1, groupSize: 2, headWidth: 256, type: "f32", pageSize: 16, out: "packed" },
    ...{ tokens: prompt(0, 23, 17), rope: { ...neox, ropeWidth: 256 } },
  },
  {
    ...{ kvHeads: 1, groupSize: 40, headWidth: 40, type: "f16", pageSize: 32 },
    ...{ tokens: prompt(0, 28, 9), rope: { ...norm, ropeWidth: 40 } },
  },
];

// The shapes of cases above, whose pipelines they share where windows allow it.
const spanCases: AttentionCase[] = [
  {
    ...{ kvHeads: 3, groupSize: 3, headWidth: 64, type: "f16", pageSize: 32, maxTokens: 60, out: "packed" },
    tokens: [
      ...prompt(0, 30, 4),
      ...span(0, 34, 35),
      ...prompt(0, 69, 3),
      ...span(1, 0, 5),
      ...span(2, 40, 3),
    ],
    rope: { ...norm, ropeWidth: 64, factors: true },
  },
  {
    ...{ kvHeads: 1, groupSize: 4, headWidth: 128, type: "f16", pageSize: 32, window: 9, out: "float" },
    tokens: [...prompt(0, 13, 2), ...span(0, 15, 37), ...prompt(0, 52, 11), ...span(1, 5, 4)],
    ...{ rope: { ...neox, ropeWidth: 128 }, norm: true },
  },
];

const title = "$tokens.length tokens, $kvHeads × $groupSize heads of $headWidth, $type";

const decode = (rec: Recording, args: AttentionArgs) => decodeAttention(rec, args, "test");
const prefill = (rec: Recording, args: AttentionArgs) => prefillAttention(rec, args, "test");

// Software adapters take seconds to compile each: the other ways of the same kernel get cases that differ in them.
describe("decodeAttention", () => {
  it.each(casesHere(decodeCases, decodeCases.slice(0, 5)))(title, async (test) => {
    await checkAttention(await openTestGpu(), test, decode);
  });

  it.each(casesHere(decodeCases.slice(2, 5), []))(`without subgroups, ${title}`, async (test) => {
    await checkAttention(await openTestGpu(plainVariant), test, decode);
  });

  it.each(casesHere(decodeCases.slice(1, 4), decodeCases.slice(1, 3)))(
    `as tuned for a GPU, ${title}`,
    async (test) => {
      await checkAttention(await openTestGpu(), { ...test, tuning: forGpu }, decode);
    },
  );

  it.each(casesHere(decodeCases.slice(3, 4), []))(
    `as tuned for a GPU without subgroups, ${title}`,
    async (test) => {
      await checkAttention(await openTestGpu(plainVariant), { ...test, tuning: forGpu }, decode);
    },
  );
});

describe("prefillAttention", () => {
  it.each(prefillCases)(title, async (test) => {
    await checkAttention(await openTestGpu(), test, prefill);
  });

  it.each(casesHere(prefillCases.slice(1, 5), prefillCases.slice(1, 3)))(
    `as tuned for a GPU, ${title}`,
    async (test) => {
      await checkAttention(await openTestGpu(), { ...test, tuning: forGpu }, prefill);
    },
  );
});

describe("prefillAttention of spans", () => {
  it.each(spanCases)(title, async (test) => {
    await checkAttention(await openTestGpu(), test, prefill);
  });

  it.each(spanCases)(`as tuned for a GPU, ${title}`, async (test) => {
    await checkAttention(await openTestGpu(), { ...test, tuning: forGpu }, prefill);
  });
});

describe("attention", () => {
  const sizes = { kvHeads: 2, groupSize: 3, headWidth: 64, type: "f32", pageSize: 16 } as const;
  const rope = { ...neox, ropeWidth: 64 };
  it.each([undefined, 200])("splits long sequences when it may, window %s", async (window) => {
    const tokens: AttentionCase["tokens"] = [
      [0, 900],
      [1, 1],
      [2, 64],
      [3, 65],
      [4, 330],
    ];
    const test: AttentionCase = { ...sizes, tokens, rope, maxTokens: 6, split: true, out: "packed" };
    const windowed = window === undefined ? test : { ...test, window };
    const { labels } = await checkAttention(await openTestGpu(), windowed, decode);
    expect(labels).toEqual(["attention test", "attention test merge"]);
  });

  it("needs no scratch, and no merge, where sequences are short", async () => {
    const t = await openTestGpu();
    const shape = (capacity: number) =>
      attentionScratchShape({ ...t.gpu, software: false }, { tokens: 2, heads: 6, headWidth: 64, capacity });
    expect(shape(1024)).toBeUndefined();
    expect(shape(2048)).toEqual([2, 6, 16, 65]);
    expect(shape(1e6)).toEqual([2, 6, 32, 65]);
    const { labels } = await checkAttention(t, { ...sizes, tokens: [[0, 100]], split: true }, decode);
    expect(labels).toEqual(["attention test"]);
  });

  it.each([1, 9])("stays finite with logits of ten thousand, %i tokens", async (count) => {
    // Keys and queries 60 times as large: the largest logits are beyond 1e4, and one position takes nearly all weight.
    const test: AttentionCase = { ...sizes, tokens: prompt(0, 80 - count, count), qkvScale: 60 };
    await checkAttention(await openTestGpu(), test, count === 1 ? decode : prefill);
  });

  it("decodes what it prefills, in every type of cache", async () => {
    const t = await openTestGpu();
    for (const type of ["f32", "f16", "q8"] as const) {
      const test: AttentionCase = { ...sizes, type, rope, tokens: [[0, 45]] };
      const decoded = await checkAttention(t, test, decode);
      const prefilled = await checkAttention(t, test, prefill);
      // Decode may take the token's own key and value before they are rounded to f16.
      compare(
        prefilled.out,
        decoded.out,
        type === "f16" ? { max: 1e-3, nmse: 1e-6 } : { max: 1e-5, nmse: 1e-10 },
        type,
      );
    }
  });

  it("names what does not fit", async () => {
    const t = await openTestGpu();
    const [pages, maxPages] = [3, 2];
    const cacheSizes = { type: "f32", pages, pageSize: 16, kvHeads: 2, headWidth: 64 } as const;
    const cache = { ...cacheSizes, keys: t.output([3, 2, 16, 64]), values: t.output([3, 2, 16, 64]) };
    const each = [0, 0];
    const inputs = tokenInputs(
      t,
      { positions: each, slots: each, sequences: each, lengths: each, pageTable: [0, 1] },
      maxPages,
    );
    const out = t.output([2, 384]);
    const args: AttentionArgs = {
      ...{ qkv: t.output([2, 640]), cache, inputs, heads: 6, scale: 1, faults: t.u32([1], [0]), out },
    };
    const run = (changes: object, tokens = 2) =>
      t.run((rec) => decodeAttention(rec, { ...args, ...changes }, "blk.0"), { tokens, outputs: 1 });
    await expect(run({}, 3)).rejects.toThrow("qkv is f32 (2, 640) and should be f32 (3 or more, 640)");
    await expect(run({ heads: 5 })).rejects.toThrow("heads is 5 and should be a multiple of 2");
    await expect(run({ inputs: { ...inputs, pageTable: inputs.lengths } })).rejects.toThrow("u32 (2)");
    await expect(run({ inputs: { ...inputs, slots: t.output([2], "u32") } })).rejects.toThrow(
      "not in one buffer",
    );
    await expect(run({ window: 0 })).rejects.toThrow("window is 0");
    await expect(run({ out: args.qkv })).rejects.toThrow("out is f32 (2, 640)");
    await expect(run({ faults: out })).rejects.toThrow("faults is f32");
    await expect(run({ headNorm: { weights: out, eps: 0 } })).rejects.toThrow("should be f32 (128)");
    await expect(run({ rope: { ...rope, ropeWidth: 66 } })).rejects.toThrow("ropeWidth is 66");
    await expect(run({ cache: { ...cache, type: "q8" } })).rejects.toThrow("keys is f32");
    const scratch = t.output([1, 6, 1, 65]);
    await expect(run({ scratch })).rejects.toThrow(
      "scratch is f32 (1, 6, 1, 65) and should be f32 (2, 6, splits, 65)",
    );
  });
});
