import { describe, expect, it } from "vitest";
import type { Recording } from "../runtime/gpu/recording.ts";
import { adjustedLogits, sampleReference } from "./sample.ref.ts";
import { sample } from "./sample.ts";
import {
  givenToken,
  paramWord,
  paramWords,
  resultHead,
  resultWord,
  type SampleSizes,
  sampleLayout,
  status,
} from "./sampleLayout.ts";
import { packParams, type SampleParams, singleBits } from "./sampleParams.ts";
import { hardwareVariants } from "./testing/hardware.ts";
import { casesHere, openTestGpu, type TestGpu } from "./testing/harness.ts";
import { randomValues, seededRandom } from "./testing/random.ts";

interface Row {
  params: SampleParams;
  prompt: number[];
  drawn: number[];
  mask: Uint32Array | undefined;
  seedKey: number;
  topLogprobs: number | undefined;
  logits: Float32Array;
  /** Nothing is drawn; log-probabilities of this one. */
  given?: number;
}

/** As `hash32` of the engine's random.ts, which kernels may not import. */
function randomBits(key: number, index: number): number {
  const hash = (x: number) => {
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    return (x ^ (x >>> 16)) >>> 0;
  };
  return hash(key ^ hash(index + 0x85ebca6b));
}

function expectedToken(row: Row, draw = row.drawn.length): number | undefined {
  const drawn = new Map<number, number>();
  for (const token of row.drawn) drawn.set(token, (drawn.get(token) ?? 0) + 1);
  const adjusted = adjustedLogits(row.logits, row.params, {
    prompt: new Set(row.prompt),
    drawn,
    mask: row.mask,
  });
  return sampleReference(adjusted, row.params, randomBits(row.seedKey, draw));
}

interface Sampled {
  token: number;
  status: number;
  largest: number;
  sum: number;
  chosen: number;
  top: { token: number; logit: number }[];
}

/** As many in all tests: kernels have the number in their text, and each text compiles for long. */
const slots = 201;

/** Runs one step with row r in slot `slots - 1 - r`, and a row without a slot behind them. */
async function run(
  t: TestGpu,
  as: (rec: Recording) => Recording,
  vocab: number,
  rows: Row[],
  draws = 1,
): Promise<Sampled[][]> {
  const sizes: SampleSizes = { vocab, slots, maxTopLogprobs: 64, listTokens: 300 };
  const count = rows.length + 1;
  const layout = sampleLayout(sizes, as({ gpu: t.gpu } as Recording).gpu.software);
  const params = new Uint32Array(slots * paramWords);
  const masks = new Uint32Array(slots * layout.maskWords);
  const state = new Uint32Array(layout.stateWords).fill(7);
  const slotOf = (r: number) => slots - 1 - r;
  rows.forEach((row, r) => {
    const slot = slotOf(r);
    const prompt = row.params.repetitionPenalty === 1 ? [] : [...new Set(row.prompt)];
    const words = packParams(row.params, {
      ...row,
      promptCount: prompt.length,
      biasCount: row.params.logitBias.size,
    });
    if (row.mask) {
      words[paramWord.masked] = 1;
      masks.set(row.mask, slot * layout.maskWords);
    }
    params.set(words, slot * paramWords);
    const list = layout.listsStart + slot * layout.listWords;
    state.set(
      [...row.params.logitBias].flatMap(([token, bias]) => [token, singleBits(bias)]),
      list,
    );
    state.set([...prompt, ...row.drawn], list + layout.biasWords);
  });
  const logits = new Float32Array(count * vocab);
  rows.forEach((row, r) => {
    logits.set(row.logits, r * vocab);
  });
  const firstDraws = rows.map(({ drawn, given }) =>
    given === undefined ? drawn.length : givenToken + given,
  );
  const rowDraws = t.u32([count], [...firstDraws, 0]);
  const tensors = {
    logits: t.f32([count, vocab], logits),
    rowSlots: t.u32([count], [...rows.map((_, r) => slotOf(r)), 0xffffffff]),
    rowDraws,
    params: t.u32([slots, paramWords], params),
    masks: t.u32([slots, layout.maskWords], masks),
    state: t.u32([layout.stateWords], state),
    adjusted: t.output([count, vocab], "u32"),
    chunks: t.output([count, layout.chunkCount, layout.chunkWords], "u32"),
    results: t.output([count, layout.resultWords], "u32"),
  };
  const step = { tokens: 1, outputs: count };
  const record = (rec: Recording) => sample(as(rec), { ...tensors, sizes, rows: { of: "outputs" } }, "test");
  const all: Sampled[][] = [];
  for (let n = 0; n < draws; n++) {
    const next = firstDraws.map((first) => (first >= givenToken ? first : first + n));
    t.gpu.device.queue.writeBuffer(rowDraws.buffer, 0, Uint32Array.from([...next, 0]));
    await t.run(record, step);
    const words = (await t.read(tensors.results)) as Uint32Array<ArrayBuffer>;
    const floats = new Float32Array(words.buffer);
    const after = (await t.read(tensors.state)) as Uint32Array;
    all.push(
      rows.map((row, r): Sampled => {
        const at = r * layout.resultWords;
        const token = words[at + resultWord.resultToken]!;
        if (row.given === undefined) {
          expect(after[slotOf(r)], "sampled").toBe(token);
          const list = layout.listsStart + slotOf(r) * layout.listWords + layout.biasWords;
          const promptCount = params[slotOf(r) * paramWords + paramWord.promptCount]!;
          expect(after[list + promptCount + next[r]!], "history").toBe(token);
        }
        const topCount = words[at + resultWord.resultAlternatives]!;
        return {
          token,
          status: words[at + resultWord.resultStatus]!,
          largest: floats[at + resultWord.resultLargest]!,
          sum: floats[at + resultWord.resultSum]!,
          chosen: floats[at + resultWord.resultChosen]!,
          top: Array.from({ length: topCount }, (_, i) => ({
            token: words[at + resultHead + 2 * i]!,
            logit: floats[at + resultHead + 2 * i + 1]!,
          })),
        };
      }),
    );
    expect(words[rows.length * layout.resultWords + resultWord.resultStatus]).toBe(status.statusNone);
    // The slot that no row names, and its list, stay as they were.
    const untouched = after.subarray(layout.listsStart, layout.listsStart + layout.listWords);
    expect(after[0]).toBe(7);
    expect(untouched.every((word) => word === 7)).toBe(true);
  }
  return all;
}

const random = seededRandom(5);
const oneOf = <T>(...choices: T[]): T => choices[random.integer(choices.length)]!;

/** Logits as models have them, and as they should not be: outliers, ties, NaN, infinities, all alike, huge, tiny. */
function someLogits(vocab: number): Float32Array {
  const kind = random.integer(10);
  const values = randomValues(random.integer(1e9), vocab, oneOf(0.1, 1, 3));
  const change = (share: number, value: () => number) => {
    for (let n = Math.ceil(share * vocab); n > 0; n--) values[random.integer(vocab)] = value();
  };
  if (kind === 1) return values.map((v) => Math.round(v * 2) / 2); // ties
  if (kind === 2) values.fill(oneOf(0, -3.25, 1e4));
  if (kind === 3) change(0.1, () => Number.NaN);
  if (kind === 4) change(0.5, () => Number.NEGATIVE_INFINITY);
  if (kind === 5) return values.map((v) => v * 3000);
  if (kind === 6) change(0.01, () => oneOf(1e-40, -1e-40, -0, 0, 1e-30));
  if (kind === 7) change(0.01, () => oneOf(3e38, -3e38, 1e30, 1e12, 5e9));
  if (kind === 8) change(2 / vocab, () => Number.POSITIVE_INFINITY);
  return values;
}

function someRow(vocab: number): Row {
  const tokens = (count: number) => Array.from({ length: count }, () => random.integer(vocab));
  const penalties = oneOf(true, false, false);
  const params: SampleParams = {
    temperature: oneOf(0, 1, 1, 0.7, 2, 0.01, 1e-5),
    topK: oneOf(0, 0, 1, 2, 40, 1000, 2 ** 40),
    topP: oneOf(1, 1, 0.95, 0.5, 0.1, 1e-9, 0, 1 - 2 ** -40),
    minP: oneOf(0, 0, 0.05, 0.5, 1, 1e-12),
    repetitionPenalty: penalties ? oneOf(1, 1.1, 0.8, 100) : 1,
    frequencyPenalty: penalties ? oneOf(0, 0.3, -0.7, 2) : 0,
    presencePenalty: penalties ? oneOf(0, 1.1, -0.4) : 0,
    logitBias: new Map(
      oneOf(true, false, false) ? tokens(20).map((token) => [token, random.normal() * 10]) : [],
    ),
  };
  const mask = Uint32Array.from({ length: Math.ceil(vocab / 32) }, () => random.integer(2 ** 32));
  return {
    params,
    prompt: tokens(oneOf(1, 100)),
    drawn: oneOf(
      tokens(100),
      tokens(3).flatMap((t) => [t, t, t]),
      [],
    ),
    mask: oneOf(mask, undefined, undefined),
    seedKey: random.integer(2 ** 32),
    topLogprobs: oneOf(undefined, undefined, 0, 5, 64),
    logits: someLogits(vocab),
  };
}

function describeRow({ params, drawn, mask, topLogprobs }: Row): string {
  return JSON.stringify({ ...params, logitBias: params.logitBias.size, drawn, mask: !!mask, topLogprobs });
}

function expectRow(row: Row, actual: Sampled, draw?: number): void {
  const expected = expectedToken(row, draw);
  const label = describeRow(row);
  if (expected === undefined) {
    expect(actual.status, label).toBe(status.statusNoToken);
    return;
  }
  expect(actual.status, label).toBe(status.statusDrawn);
  expect(actual.token, label).toBe(expected);
}

describe.each(hardwareVariants)("sample, $name", ({ as }) => {
  const cases = [
    [4099, 2, 64],
    [16388, 1, 32],
    [33, 3, 64],
    [1, 1, 16],
    [31, 3, 64],
    [49152, 1, 16],
    [151936, 1, 8],
    [262144, 1, 4],
  ] as const;
  it.each(casesHere(cases, cases.slice(0, 2)))(
    "vocabulary of %i: %i steps of %i different rows draw what the reference draws",
    async (vocab, steps, count) => {
      const t = await openTestGpu();
      for (let n = 0; n < steps; n++) {
        const rows = Array.from({ length: count }, () => someRow(vocab));
        const [sampled] = await run(t, as, vocab, rows);
        rows.forEach((row, r) => {
          expectRow(row, sampled![r]!);
        });
      }
    },
  );
});

describe("sample", () => {
  it("draws the same whatever the other rows are, and wherever it stands", async () => {
    const t = await openTestGpu();
    const vocab = 4099;
    const rows = Array.from({ length: 6 }, () => someRow(vocab));
    const as = (rec: Recording) => rec;
    const together = (await run(t, as, vocab, rows))[0]!;
    const reversed = (await run(t, as, vocab, [...rows].reverse()))[0]!.reverse();
    expect(reversed).toEqual(together);
    const alone = (await run(t, as, vocab, [rows[2]!]))[0]![0];
    expect(alone).toEqual(together[2]);
  });

  it("goes on drawing over thousands of draws as the reference does", async () => {
    const t = await openTestGpu();
    const vocab = 4099;
    const rows = Array.from({ length: 200 }, () => ({
      ...someRow(vocab),
      drawn: [],
      topLogprobs: undefined,
    }));
    const steps = await run(t, (rec) => rec, vocab, rows, 12);
    for (const sampled of steps)
      rows.forEach((row, r) => {
        expectRow(row, sampled[r]!);
        row.drawn = [...row.drawn, sampled[r]!.token] as never[];
      });
  });

  it("obeys a mask that leaves one token, and reports one that leaves none", async () => {
    const t = await openTestGpu();
    const vocab = 4099;
    const maskOf = (...tokens: number[]) => {
      const mask = new Uint32Array(Math.ceil(vocab / 32));
      for (const token of tokens) mask[token >> 5]! |= 1 << (token & 31);
      return mask;
    };
    const rows = [[4098], [0], [31], [32], []].map((tokens) => ({
      ...someRow(vocab),
      logits: randomValues(1, vocab),
      mask: maskOf(...tokens),
    }));
    const sampled = (await run(t, (rec) => rec, vocab, rows))[0]!;
    expect(sampled.slice(0, 4).map(({ token }) => token)).toEqual([4098, 0, 31, 32]);
    expect(sampled.map((s) => s.status)).toEqual([1, 1, 1, 1, status.statusNoToken]);
  });

  it("reports plain logits: the largest, their sum, the chosen and the most probable ones", async () => {
    const t = await openTestGpu();
    for (const vocab of [4099, 16388]) {
      const rows = Array.from({ length: 6 }, (_, r) => ({
        ...someRow(vocab),
        logits: randomValues(r, vocab).map((v) => Math.round(v * 8) / 8 + 0), // no -0: the GPU has one zero
        topLogprobs: [0, 1, 20, 64, 20, 64][r]!,
        ...(r > 3 && { given: r }),
      }));
      rows[3]!.logits.fill(Number.NEGATIVE_INFINITY, 5);
      const [sampled] = await run(t, (rec) => rec, vocab, rows);
      rows.forEach(({ logits, topLogprobs, given }, r) => {
        const { token, largest, sum, chosen, top } = sampled![r]!;
        const order = [...logits.keys()]
          .filter((i) => logits[i]! > Number.NEGATIVE_INFINITY)
          .sort((a, b) => logits[b]! - logits[a]! || a - b);
        if (given !== undefined) expect(token).toBe(given);
        expect(largest).toBe(logits[order[0]!]);
        expect(chosen).toBe(logits[token]);
        const exact = logits.reduce((total, l) => total + Math.exp(l - largest), 0);
        expect(Math.abs(sum / exact - 1)).toBeLessThan(5e-6);
        expect(top).toEqual(order.slice(0, topLogprobs).map((id) => ({ token: id, logit: logits[id] })));
      });
    }
  });

  it("refuses shapes that do not fit and vocabularies that are too large", async () => {
    const t = await openTestGpu();
    await expect(run(t, (rec) => rec, 2 ** 19 + 1, [])).rejects.toThrow("at most 524288");
    const u32 = (...shape: number[]) => t.output(shape, "u32");
    const sizes = { vocab: 64, slots: 2, maxTopLogprobs: 1, listTokens: 8 };
    const { stateWords, chunkCount, chunkWords } = sampleLayout(sizes, true);
    const fitting = {
      logits: t.output([1, 64]),
      rowSlots: u32(1),
      rowDraws: u32(1),
      params: u32(2, paramWords),
      masks: u32(2, 2),
      state: u32(stateWords),
      adjusted: u32(1, 64),
      chunks: u32(1, chunkCount, chunkWords),
      results: u32(1, resultHead + 2),
      sizes,
      rows: { of: "outputs" } as const,
    };
    for (const name of Object.keys(fitting)) {
      if (name === "sizes" || name === "rows") continue;
      const wrong = { ...fitting, [name]: u32(1, 63) };
      const attempt = t.run((rec) => sample(rec, wrong, "head"), { tokens: 1, outputs: 1 });
      await expect(attempt).rejects.toThrow(`${name} is u32 (1, 63) and should be`);
    }
  });
});
