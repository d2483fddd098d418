import { expect, test } from "vitest";
import { AttentionSum, firstColumns, medianFiltered } from "./alignment.ts";
import { FakeSpeech, fakeTokens, said } from "./testing/fakeSpeech.ts";
import { mergePunctuation, splitWords } from "./words.ts";
import { WordTimer } from "./wordTimings.ts";

const { tokenizer, start, languages, transcribe, noTimestamps, end } = fakeTokens;
const split = (text: string, language = "en") =>
  splitWords(tokenizer.encode(text), tokenizer, language).map((word) => word.text);

test("words keep the space before them, punctuation stands apart", () => {
  expect(split(" Hello, you there.")).toEqual([" Hello", ",", " you", " there", "."]);
  expect(split("Grüße")).toEqual(["Grüße"]);
  expect(split(" Hi (you)")).toEqual([" Hi", " ", "(you", ")"]);
});

test("scripts without spaces are split by characters", () => {
  expect(split("你好吗", "zh")).toEqual(["你", "好", "吗"]);
  expect(splitWords(tokenizer.encode("你"), tokenizer, "zh")[0]!.tokens).toEqual(tokenizer.encode("你"));
});

test("punctuation joins the word that it belongs to", () => {
  const words = [' "', "Hello", ",", '"', " he", " said", "."].map((text) => ({
    text,
    tokens: tokenizer.encode(text),
  }));
  mergePunctuation(words);
  expect(words.map(({ text }) => text).filter((text) => text !== "")).toEqual([' "Hello,"', " he", " said."]);
  expect(words.flatMap(({ tokens }) => tokens)).toEqual(tokenizer.encode(' "Hello," he said.'));
});

test("the median takes single outliers away", () => {
  const values = Float64Array.from([0, 0, 0, 9, 0, 0, 0, 1, 1, 1, 1]);
  expect([...medianFiltered(values)]).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
  expect([...medianFiltered(Float64Array.of(3, 1, 2))]).toEqual([3, 1, 2]);
});

test("the path of the largest sum, against all paths", () => {
  const [rows, columns] = [3, 5];
  let seed = 1;
  const scores = Float64Array.from({ length: rows * columns }, () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return (seed % 1000) - 500;
  });
  let best = { sum: Number.NEGATIVE_INFINITY, firsts: [] as number[] };
  const walk = (i: number, j: number, sum: number, firsts: number[]) => {
    const total = sum + scores[i * columns + j]!;
    if (i === rows - 1 && j === columns - 1 && total > best.sum) best = { sum: total, firsts };
    if (j + 1 < columns) walk(i, j + 1, total, firsts);
    if (i + 1 < rows) walk(i + 1, j, total, [...firsts, j]);
    if (i + 1 < rows && j + 1 < columns) walk(i + 1, j + 1, total, [...firsts, j + 1]);
  };
  walk(0, 0, 0, [0]);
  expect(firstColumns(scores, rows, columns)).toEqual(best.firsts);
});

test("heads count alike, whatever they dwell on; what lies behind the audio is left out", () => {
  const sum = new AttentionSum(2, 2);
  sum.add(Float32Array.of(0.1, 0.3, 0.6, 0.2, 0.2, 0.6).map(Math.log));
  // Of the first two columns alone: (0.25, 0.75) and (0.5, 0.5), then ±1 by column.
  expect([...sum.slice(0, 2)].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([-1, 1, 1, -1]);
});

test("words are timed by where their tokens attend to, across segments", async () => {
  const text = " ab cd.";
  const tokens = tokenizer.encode(text);
  const first = 4; // <|startoftranscript|>, language, task, <|notimestamps|>
  /** Each token's attention, as the row before it shows it: 10 positions a token, from 20 on. */
  const attention = (rows: number, positions: number) => {
    const weights = new Float32Array(rows * positions);
    for (let row = 0; row < rows; row++) {
      const at = Math.max(0, row - (first - 1)) * 10 + 20;
      for (let s = 0; s < positions; s++) weights[row * positions + s] = 1e-4;
      for (let s = 0; s < 10; s++) weights[row * positions + at + s] = 0.1;
    }
    const scores = weights.map(Math.log);
    return [scores, scores];
  };
  const model = new FakeSpeech([{ answers: [] }], attention);
  const timer = new WordTimer(model, fakeTokens);
  const segments = [
    { start: 0, end: 1, tokens: said(0, " ab", 1) },
    { start: 1, end: 4, tokens: said(1, " cd.", 4) },
  ];
  const window = { language: "en", task: "transcribe", seconds: 4, startSeconds: 60 } as const;
  const { words, lastWordEnd } = await timer.time(segments, window);
  expect(model.aligned).toEqual([[start, languages.get("en")!, transcribe, noTimestamps, ...tokens, end]]);
  expect(words.map((own) => own.map(({ word }) => word))).toEqual([[" ab"], [" cd."]]);
  const [ab, cd] = words.flat();
  // Three tokens of 0.2 s each; the first row takes the silence before it.
  expect(ab!.end).toBeCloseTo(61, 1);
  expect(cd!.start).toBe(ab!.end);
  expect(cd!.end).toBeCloseTo(61.6, 1);
  expect(lastWordEnd).toBe(cd!.end);
  expect(ab!.start).toBeLessThan(ab!.end);
});

test("a window without text has no words", async () => {
  const timer = new WordTimer(new FakeSpeech([]), fakeTokens);
  const window = { language: "en", task: "transcribe", seconds: 4, startSeconds: 60 } as const;
  expect(await timer.time([{ start: 0, end: 4, tokens: [] }], window)).toEqual({
    words: [[]],
    lastWordEnd: 0,
  });
});
