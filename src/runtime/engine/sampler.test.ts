import { describe, expect, test } from "vitest";
import { randomBits, seedKey } from "./random.ts";
import { isPlainGreedy, Sampler, tokenLogprob } from "./sampler.ts";
import { defaultSampling, type SamplingParams } from "./types.ts";

const params = (changes: Partial<SamplingParams>): SamplingParams => ({
  ...defaultSampling,
  seed: 7,
  ...changes,
});

/** Shares of each token over many draws. */
function shares(logits: Float32Array, changes: Partial<SamplingParams>, draws = 20_000): number[] {
  const counts = new Array<number>(logits.length).fill(0);
  for (let seed = 0; seed < draws; seed++) {
    const token = new Sampler(params({ ...changes, seed }), []).sample(logits);
    counts[token]! += 1;
  }
  return counts.map((count) => count / draws);
}

const logits = Float32Array.from([0.5, 2, -1, 1, 1.5, -3]);
const softmax = (values: number[]) => {
  const e = values.map(Math.exp);
  const sum = e.reduce((a, b) => a + b);
  return e.map((v) => v / sum);
};
function expectShares(actual: number[], expected: number[]) {
  for (const [i, share] of actual.entries()) expect(Math.abs(share - expected[i]!)).toBeLessThan(0.015);
}

describe("random numbers", () => {
  test("are uniform, and depend on both seed and index", () => {
    const bins = new Array<number>(16).fill(0);
    for (let i = 0; i < 32_000; i++) bins[randomBits(seedKey(i % 40), Math.floor(i / 40)) >>> 28]! += 1;
    for (const count of bins) expect(Math.abs(count - 2000)).toBeLessThan(200);
    expect(randomBits(seedKey(1), 2)).not.toBe(randomBits(seedKey(2), 1));
    expect(seedKey(1)).not.toBe(seedKey(2 ** 32 + 1));
    expect(seedKey(1)).not.toBe(seedKey(-1));
  });
});

describe("sampling", () => {
  test("plain sampling follows softmax at the temperature", () => {
    expectShares(shares(logits, {}), softmax([...logits]));
    expectShares(shares(logits, { temperature: 0.5 }), softmax([...logits].map((l) => l / 0.5)));
  });
  test("top-k keeps the k most probable", () => {
    const [a, b, c] = softmax([2, 1.5, 1]) as [number, number, number];
    expectShares(shares(logits, { topK: 3 }), [0, a, 0, c, b, 0]);
  });
  test("top-p keeps the smallest set that reaches p", () => {
    // softmax: 0.45, 0.27, 0.17, 0.10, ...; 0.7 is reached by the first two
    const [a, b] = softmax([2, 1.5]) as [number, number];
    expectShares(shares(logits, { topP: 0.7 }), [0, a, 0, 0, b, 0]);
    expectShares(shares(logits, { topP: 1e-9 }), [0, 1, 0, 0, 0, 0]);
  });
  test("top-p counts within what top-k leaves", () => {
    // of the best two, the first has 0.62
    expectShares(shares(logits, { topK: 2, topP: 0.6 }), [0, 1, 0, 0, 0, 0]);
  });
  test("min-p is relative to the most probable", () => {
    const [a, b, c] = softmax([2, 1.5, 1]) as [number, number, number];
    expectShares(shares(logits, { minP: 0.3 }), [0, a, 0, c, b, 0]);
  });
  test("filters on a large vocabulary equal a full sort", () => {
    const many = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i * 12.9898) * 20);
    const sorted = [...many.keys()].sort((a, b) => many[b]! - many[a]! || a - b);
    const allowed = new Set(sorted.slice(0, 40));
    for (let seed = 0; seed < 300; seed++)
      expect(allowed.has(new Sampler(params({ seed, topK: 40, temperature: 3 }), []).sample(many))).toBe(
        true,
      );
    const logprob = tokenLogprob(many, 17, 64);
    expect(logprob.top.map(({ token }) => token)).toEqual(sorted.slice(0, 64));
  });
  test("the same seed repeats, another differs", () => {
    const flat = new Float32Array(1000);
    const run = (seed: number) => {
      const sampler = new Sampler(params({ seed }), []);
      return Array.from({ length: 20 }, () => sampler.sample(flat));
    };
    expect(run(5)).toEqual(run(5));
    expect(run(5)).not.toEqual(run(6));
    expect(new Set(run(5)).size).toBeGreaterThan(10);
  });
  test("masked logits are never drawn, not even when all others are improbable", () => {
    const masked = Float32Array.from([Number.NEGATIVE_INFINITY, -50, Number.NEGATIVE_INFINITY, -51]);
    const [, a, , b] = shares(masked, {}, 2000);
    expect(a! + b!).toBe(1);
    expect(shares(masked, { topP: 0.99 }, 500)[0]).toBe(0);
  });
});

describe("penalties and bias", () => {
  const greedy = (changes: Partial<SamplingParams>, prompt: number[] = []) =>
    new Sampler(params({ temperature: 0, ...changes }), prompt);
  test("repetition penalty divides positive and multiplies negative logits, of the prompt too", () => {
    expect(greedy({ repetitionPenalty: 1.9 }, [1]).sample(logits)).toBe(4);
    const negative = Float32Array.from([-1, -1.1]);
    expect(greedy({ repetitionPenalty: 2 }, [0]).sample(negative)).toBe(1);
    expect(greedy({ repetitionPenalty: 1 }, [0]).sample(negative)).toBe(0);
  });
  test("presence counts once, frequency per occurrence, output only", () => {
    const presence = greedy({ presencePenalty: 0.6 }, [1]);
    expect([presence.sample(logits), presence.sample(logits), presence.sample(logits)]).toEqual([1, 4, 1]);
    const frequency = greedy({ frequencyPenalty: 0.3 });
    expect(Array.from({ length: 5 }, () => frequency.sample(logits))).toEqual([1, 1, 4, 1, 4]);
  });
  test("logit bias moves the choice and does not touch the input", () => {
    const before = logits.slice();
    expect(greedy({ logitBias: new Map([[5, 100]]) }).sample(logits)).toBe(5);
    expect(greedy({ logitBias: new Map([[999, 100]]) }).sample(logits)).toBe(1);
    expect(logits).toEqual(before);
  });
  test("only the untouched greedy choice is left to the GPU", () => {
    expect(isPlainGreedy(params({ temperature: 0 }))).toBe(true);
    expect(isPlainGreedy(params({ temperature: 0, presencePenalty: 1 }))).toBe(false);
    expect(isPlainGreedy(params({}))).toBe(false);
  });
});

test("greedy takes the first of equals, never NaN; without any token it says so", () => {
  const greedy = (values: number[], mask?: Uint32Array) =>
    new Sampler(params({ temperature: 0 }), []).sample(Float32Array.from(values), mask);
  expect(greedy([1, 3, 3])).toBe(1);
  expect(greedy([Number.NaN, -5, Number.NaN, -4])).toBe(3);
  expect(greedy([1, 3, 3], Uint32Array.of(0b101))).toBe(2);
  expect(() => greedy([Number.NaN, Number.NEGATIVE_INFINITY])).toThrow("No token can be drawn");
  expect(() => greedy([1, 2], Uint32Array.of(0b100))).toThrow("No token can be drawn");
});

test("a sampler goes on after the tokens it has drawn", () => {
  const all = { seed: 3, frequencyPenalty: 0.4, repetitionPenalty: 1.2, temperature: 1.4 };
  const sampler = new Sampler(params(all), [2]);
  const tokens = Array.from({ length: 12 }, () => sampler.sample(logits));
  const later = new Sampler(params(all), [2], tokens.slice(0, 5));
  expect(Array.from({ length: 7 }, () => later.sample(logits))).toEqual(tokens.slice(5));
});

test("log-probabilities are of the plain distribution", () => {
  const expected = softmax([...logits]).map(Math.log);
  const { logprob, top } = tokenLogprob(logits, 3, 2);
  expect(logprob).toBeCloseTo(expected[3]!, 6);
  expect(top.map(({ token }) => token)).toEqual([1, 4]);
  expect(top[1]!.logprob).toBeCloseTo(expected[4]!, 6);
  expect(tokenLogprob(logits, 3, 0).top).toEqual([]);
});

test("a mask limits the draw, greedy or not, whatever the logits say", () => {
  const logits = Float32Array.from({ length: 70 }, (_, i) => (i === 3 ? 50 : Math.sin(i)));
  const allowed = new Uint32Array(3);
  for (const token of [31, 40, 69]) allowed[token >> 5]! |= 1 << (token & 31);
  const best = [31, 40, 69].reduce((a, b) => (logits[b]! > logits[a]! ? b : a));
  expect(new Sampler({ ...defaultSampling, temperature: 0 }, []).sample(logits, allowed)).toBe(best);
  for (const params of [{}, { topK: 2 }, { topP: 0.9 }, { minP: 0.01 }, { logitBias: new Map([[5, 100]]) }]) {
    const sampler = new Sampler({ ...defaultSampling, ...params, seed: 4 }, []);
    const drawn = new Set(Array.from({ length: 100 }, () => sampler.sample(logits, allowed)));
    expect([...drawn].every((token) => [31, 40, 69].includes(token))).toBe(true);
    expect(drawn.size).toBeGreaterThan(1);
  }
  expect(logits[3]).toBe(50);
});
