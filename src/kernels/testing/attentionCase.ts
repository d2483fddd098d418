/** A step of attention with its paged cache, and what the references make of it. */

import { expect } from "vitest";
import type { Recording } from "../../runtime/gpu/recording.ts";
import { roundUp, type Tensor } from "../../runtime/gpu/tensor.ts";
import { decodeActivations } from "../activations.ref.ts";
import { type ActivationKind, activationShape } from "../activations.ts";
import { attentionReference, type SequenceRows } from "../attention.ref.ts";
import type { AttentionArgs, TokenInputs } from "../attention.ts";
import type { AttentionTuning } from "../attentionArgs.ts";
import { decodeKvCache, encodeKvCache } from "../kvCache.ref.ts";
import { type KvCache, type KvCacheSizes, type KvCacheType, kvCacheShape } from "../kvCache.ts";
import { rmsNormReference } from "../rmsNorm.ref.ts";
import { ropeReference } from "../rope.ref.ts";
import { compare, tolerances } from "./compare.ts";
import { expectUntouched, type TestGpu } from "./harness.ts";
import { randomValues, seededRandom } from "./random.ts";

export interface AttentionCase {
  type: KvCacheType;
  pageSize: number;
  kvHeads: number;
  groupSize: number;
  headWidth: number;
  /**
   * Sequence and length of each token, and how many positions it sees where those are more: the positions before those of the
   * step's tokens are cached.
   */
  tokens: readonly (readonly [sequence: number, length: number, seen?: number])[];
  window?: number;
  /** Room for more tokens than the step has. */
  maxTokens?: number;
  /** Default: f32. */
  out?: ActivationKind;
  norm?: boolean;
  rope?: {
    ropeWidth: number;
    mode: "norm" | "neox";
    thetaBase: number;
    positionScale?: number;
    factors?: boolean;
  };
  split?: boolean;
  qkvScale?: number;
  tuning?: Partial<AttentionTuning>;
}

/** The inputs in one buffer, in any order, with guards between. */
export function tokenInputs(
  t: TestGpu,
  values: { [name in keyof TokenInputs]: ArrayLike<number> },
  maxPages: number,
): TokenInputs {
  const starts: Partial<Record<keyof TokenInputs, number>> = {};
  let length = 64;
  for (const [name, list] of Object.entries(values)) {
    starts[name as keyof TokenInputs] = length;
    length = roundUp(length + list.length, 64);
  }
  const words = new Uint32Array(length).fill(0xffff_ffff);
  for (const [name, list] of Object.entries(values)) words.set(list, starts[name as keyof TokenInputs]);
  const whole = t.u32([length], words);
  const tensor = (name: keyof TokenInputs): Tensor => {
    const count = values[name]!.length;
    const shape = name === "pageTable" ? [count / maxPages, maxPages] : [count];
    return { ...whole, offsetBytes: starts[name]! * 4, sizeBytes: roundUp(count * 4, 16), shape };
  };
  return {
    positions: tensor("positions"),
    slots: tensor("slots"),
    sequences: tensor("sequences"),
    lengths: tensor("lengths"),
    windowEnds: values.windowEnds && tensor("windowEnds"),
    pageTable: tensor("pageTable"),
  };
}

/** Words of a tensor as they are. */
async function readWords(t: TestGpu, tensor: Tensor): Promise<Uint32Array<ArrayBuffer>> {
  const count = tensor.shape.reduce((a, b) => a * b, 1);
  const words = Math.ceil(count / (tensor.dtype === "f16" ? 2 : 1));
  return (await t.read({ ...tensor, dtype: "u32", shape: [words] })) as Uint32Array<ArrayBuffer>;
}

/** Runs a case and compares cache, faults and results with the references. Returns the recording's labels and result. */
export async function checkAttention(
  t: TestGpu,
  test: AttentionCase,
  record: (rec: Recording, args: AttentionArgs) => void,
): Promise<{ labels: string[]; out: Float64Array }> {
  const { type, pageSize, kvHeads, groupSize, headWidth, tokens, window, maxTokens = tokens.length } = test;
  const heads = kvHeads * groupSize;
  const qkvHeads = heads + 2 * kvHeads;
  const seed = headWidth + groupSize;
  const random = seededRandom(seed);

  // Sequences in shuffled pages; what no token has written yet is NaN, or random bytes with scales of NaN.
  const count = Math.max(...tokens.map(([sequence]) => sequence)) + 1;
  const lengths = Array.from({ length: count }, (_, b) =>
    Math.max(0, ...tokens.filter(([sequence]) => sequence === b).map(([, length]) => length)),
  );
  const maxPages = Math.max(...lengths.map((length) => Math.ceil(length / pageSize))) + 1;
  const pages = lengths.reduce((sum, length) => sum + Math.ceil(length / pageSize), 3);
  const free = Array.from({ length: pages }, (_, i) => i);
  const table = new Uint32Array(count * maxPages).fill(0xffff_ffff);
  lengths.forEach((length, b) => {
    for (let p = 0; p < Math.ceil(length / pageSize); p++)
      table[b * maxPages + p] = free.splice(random.integer(free.length), 1)[0]!;
  });
  const slotOf = (b: number, p: number) =>
    table[b * maxPages + Math.floor(p / pageSize)]! * pageSize + (p % pageSize);
  const rowAt = (slot: number, head: number) =>
    ((Math.floor(slot / pageSize) * kvHeads + head) * pageSize + (slot % pageSize)) * headWidth;
  const fresh = new Set(tokens.map(([b, length]) => slotOf(b, length - 1)));
  const sizes: KvCacheSizes = { type, pages, pageSize, kvHeads, headWidth };
  const stored = (valueSeed: number) => {
    const values = new Float32Array(pages * pageSize * kvHeads * headWidth).fill(Number.NaN);
    const source = randomValues(valueSeed, values.length);
    lengths.forEach((length, b) => {
      for (let p = 0; p < length; p++) {
        const slot = slotOf(b, p);
        if (fresh.has(slot)) continue;
        for (let head = 0; head < kvHeads; head++) {
          const at = rowAt(slot, head);
          values.set(source.subarray(at, at + headWidth), at);
        }
      }
    });
    return encodeKvCache(sizes, values);
  };
  const before = { keys: stored(seed + 1), values: stored(seed + 2) };
  const shape = kvCacheShape(sizes);
  const tensor = (words: Uint32Array): Tensor => ({
    ...t.u32([words.length], words),
    dtype: type === "q8" ? "u32" : type,
    shape,
  });
  const cache: KvCache = { ...sizes, keys: tensor(before.keys), values: tensor(before.values) };

  const qkv = randomValues(seed + 3, maxTokens * qkvHeads * headWidth, test.qkvScale ?? 0.25);
  const factors = randomValues(seed + 4, headWidth / 2).map((x) => 1 + Math.min(8, Math.abs(x)));
  const norm = randomValues(seed + 5, 2 * headWidth).map((x) => 1 + x / 4);
  const eps = 1e-5;
  const padded = (values: number[]) => [...values, ...new Array(maxTokens - values.length).fill(1)];
  // Positions that are not where a token lies in its sequence, as after a shift of the context.
  const positions = tokens.map(([, length]) => length + 6);
  const ownLengths = tokens.map(([, length]) => length);
  const seen = tokens.map(([, length, most = length]) => most);
  const seesBehind = seen.some((most, i) => most > ownLengths[i]!);
  const inputs = tokenInputs(
    t,
    {
      lengths: padded(seen),
      ...(seesBehind && window !== undefined && { windowEnds: padded(ownLengths) }),
      positions: padded(positions),
      sequences: padded(tokens.map(([b]) => b)),
      slots: padded(tokens.map(([b, length]) => slotOf(b, length - 1))),
      pageTable: table,
    },
    maxPages,
  );
  const width = heads * headWidth;
  const { rope, out: kind } = test;
  const result = kind
    ? t.output(activationShape(kind, maxTokens, width), kind === "packed" ? "u32" : "f32")
    : t.output([maxTokens, heads, headWidth]);
  const splits = Math.min(32, Math.ceil(Math.min(maxPages * pageSize, window ?? Infinity) / 128));
  const scratch = test.split ? t.output([maxTokens, heads, splits, headWidth + 1]) : undefined;
  const scale = 1 / Math.sqrt(headWidth);
  const faults = t.u32([1], [0]);
  const args: AttentionArgs = {
    ...{ cache, inputs, heads, scale, window, faults, scratch },
    qkv: t.f32([maxTokens, qkvHeads * headWidth], qkv),
    headNorm: test.norm ? { weights: t.f32([2 * headWidth], norm), eps } : undefined,
    rope: rope && {
      ...rope,
      frequencyFactors: rope.factors
        ? t.f32([rope.ropeWidth / 2], factors.subarray(0, rope.ropeWidth / 2))
        : undefined,
    },
    out: kind ? { kind, width, tensor: result } : result,
    tuning: test.tuning,
  };
  const rec = await t.run(
    (recording) => record(recording, args),
    { tokens: tokens.length, outputs: 1 },
    { maxStep: { tokens: maxTokens, outputs: 1 } },
  );

  // q and k as attention takes them.
  const turned = (firstHead: number, headCount: number, weights: Float32Array) => {
    let rows = new Float32Array(tokens.length * headCount * headWidth);
    for (let i = 0; i < rows.length; i++) {
      const token = Math.floor(i / (headCount * headWidth));
      rows[i] = qkv[(token * qkvHeads + firstHead) * headWidth + (i % (headCount * headWidth))]!;
    }
    if (test.norm) rows = Float32Array.from(rmsNormReference(rows, weights, headWidth, eps));
    if (!rope) return Float64Array.from(rows);
    const frequencyFactors = rope.factors ? factors : undefined;
    return ropeReference(rows, positions, { ...rope, heads: headCount, headWidth, frequencyFactors });
  };
  const expected = {
    keys: turned(heads, kvHeads, norm.subarray(headWidth)),
    values: Float64Array.from({ length: tokens.length * kvHeads * headWidth }, (_, i) => {
      const token = Math.floor(i / (kvHeads * headWidth));
      return qkv[(token * qkvHeads + heads + kvHeads) * headWidth + (i % (kvHeads * headWidth))]!;
    }),
  };
  const after = {
    keys: await readWords(t, cache.keys),
    values: await readWords(t, cache.values),
  };
  const cached = {
    keys: checkAppended(sizes, before.keys, after.keys, expected.keys),
    values: checkAppended(sizes, before.values, after.values, expected.values),
  };
  expect([...(await t.read(faults))], "faults").toEqual([0]);

  const sequenceRows = lengths.map((length, b): SequenceRows => {
    const gather = (values: Float32Array) =>
      Float32Array.from({ length: length * kvHeads * headWidth }, (_, i) => {
        const p = Math.floor(i / (kvHeads * headWidth));
        const head = Math.floor(i / headWidth) % kvHeads;
        return values[rowAt(slotOf(b, p), head) + (i % headWidth)]!;
      });
    return { keys: gather(cached.keys), values: gather(cached.values) };
  });
  const reference = attentionReference(
    turned(0, heads, norm.subarray(0, headWidth)),
    sequenceRows,
    tokens.map(([b]) => b),
    seen,
    { heads, kvHeads, headWidth, scale, window, windowEnds: ownLengths },
  );
  const words = await readWords(t, result);
  const rowWords = words.length / maxTokens;
  expectUntouched(new Float32Array(words.buffer, tokens.length * rowWords * 4));
  let out: Float64Array;
  if (kind) {
    const decoded = decodeActivations(kind, words, tokens.length, width);
    out = decoded.values;
    const squares = Float64Array.from(decoded.squares, (_, i) =>
      reference.subarray(i * 32, i * 32 + 32).reduce((sum, x) => sum + x * x, 0),
    );
    compare(decoded.squares, squares, { max: 1e-3, nmse: 1e-7 }, "squares");
  } else out = Float64Array.from(new Float32Array(words.buffer, 0, tokens.length * width));
  // Logits of thousands are themselves only exact to thousands of f32 roundings.
  const tolerance = test.qkvScale ? { max: 5e-2, nmse: 1e-4 } : tolerances.attention[kind ?? "f32"];
  compare(out, reference, tolerance);
  if (scratch) await t.read(scratch); // checks its guards
  return { labels: rec.labels, out };

  /** The cache after the step as numbers: rows of the step's tokens are as expected, all else is as before. */
  function checkAppended(
    cacheSizes: KvCacheSizes,
    wordsBefore: Uint32Array,
    wordsAfter: Uint32Array<ArrayBuffer>,
    rows: Float64Array,
  ): Float32Array {
    const numbers = decodeKvCache(cacheSizes, wordsAfter);
    const wanted = decodeKvCache(cacheSizes, Uint32Array.from(wordsBefore));
    const [actualRows, expectedRows]: [number[], number[]] = [[], []];
    tokens.forEach(([b, length], i) => {
      for (let head = 0; head < kvHeads; head++) {
        const at = rowAt(slotOf(b, length - 1), head);
        const row = rows.subarray((i * kvHeads + head) * headWidth, (i * kvHeads + head + 1) * headWidth);
        for (let e = 0; e < headWidth; e++) {
          actualRows.push(numbers[at + e]!);
          expectedRows.push(row[e]!);
          wanted[at + e] = numbers[at + e]!;
        }
      }
    });
    if (type === "q8") {
      for (let i = 0; i < actualRows.length; i++) {
        const block = expectedRows.slice(i - (i % 32), i - (i % 32) + 32);
        const step = Math.max(...block.map(Math.abs)) / 127;
        const error = Math.abs(actualRows[i]! - expectedRows[i]!);
        if (!(error <= 0.51 * step)) expect.fail(`appended q8: ${actualRows[i]}, not ${expectedRows[i]}`);
      }
    } else
      compare(
        actualRows,
        expectedRows,
        type === "f16" ? tolerances.f16 : tolerances.rowReduction,
        "appended",
      );
    const changed = numbers.findIndex((x, i) => !Object.is(x, wanted[i]));
    if (changed >= 0) expect.fail(`element ${changed}, which belongs to no token of the step, has changed`);
    return numbers;
  }
}
