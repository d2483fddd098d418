import { expect, test } from "vitest";
import { applyRules, logSumExp } from "./logitRules.ts";
import { fakeTokens, said } from "./testing/fakeSpeech.ts";

const { end, timestampBegin, noTimestamps, tokenizer } = fakeTokens;
const vocab = tokenizer.vocabSize;
const letter = tokenizer.encode("a")[0]!;

/** What may come after `sampled`, where all logits are alike but for some. */
function allowed(sampled: number[], changes: Record<number, number> = {}) {
  const logits = new Float32Array(vocab);
  // Timestamps are many: they must not prevail by their number.
  logits.fill(-20, timestampBegin);
  for (const [token, value] of Object.entries(changes)) logits[Number(token)] = value;
  applyRules(logits, sampled, fakeTokens);
  const may = (token: number) => logits[token] !== Number.NEGATIVE_INFINITY;
  const times = Array.from({ length: 1501 }, (_, i) => i).filter((i) => may(timestampBegin + i));
  return { text: may(letter), end: may(end), first: times[0], last: times.at(-1), may };
}

test("a window begins with a timestamp of at most one second", () => {
  expect(allowed([])).toMatchObject({ text: false, end: false, first: 0, last: 50 });
});

test("after the first timestamp comes text", () => {
  expect(allowed(said(0.2))).toMatchObject({ text: true, end: true, first: undefined });
});

test("after text comes anything but an earlier timestamp, or the same", () => {
  expect(allowed(said(0.2, "a"))).toMatchObject({ text: true, end: true, first: 11, last: 1500 });
});

test("after a timestamp that ends a segment: the end, or another, not before it", () => {
  expect(allowed(said(0.2, "a", 2))).toMatchObject({ text: false, end: true, first: 100, last: 1500 });
});

test("after two timestamps comes text", () => {
  expect(allowed(said(0.2, "a", 2, 2))).toMatchObject({ text: true, end: true, first: undefined });
});

test("symbols, special tokens and <|notimestamps|> never come", () => {
  const { may } = allowed(said(0, "a"));
  for (const token of [...fakeTokens.suppressed, noTimestamps]) expect(may(token)).toBe(false);
});

test("timestamps come where all of them together are more probable than any text", () => {
  const each = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [timestampBegin + 200 + i, -4]));
  // 100 · e^-4 = 1.8 > 1
  expect(allowed(said(0, "a"), each)).toMatchObject({ text: false, end: false, first: 1 });
  // 40 · e^-4 = 0.7 < 1
  const fewer = Object.fromEntries(Object.entries(each).slice(0, 40));
  expect(allowed(said(0, "a"), fewer)).toMatchObject({ text: true, end: true });
});

test("logSumExp does not overflow", () => {
  expect(logSumExp(Float32Array.of(1000, 1000))).toBeCloseTo(1000 + Math.LN2, 3);
  expect(logSumExp(new Float32Array(3).fill(Number.NEGATIVE_INFINITY))).toBe(Number.NEGATIVE_INFINITY);
  expect(logSumExp(new Float32Array())).toBe(Number.NEGATIVE_INFINITY);
});
