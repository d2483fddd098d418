/**
 * Pictures on their grids and videos aligned in time, with rows for the first layers, in a small random-weight `qwen3vl`: by
 * its formulas, alone and together.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { randomValues } from "../../kernels/testing/random.ts";
import { type Gpu, openGpu } from "../gpu/device.ts";
import { modelConfig } from "../models/architectures.ts";
import type { MediaGrid, MediaLayout } from "../models/projector/types.ts";
import { DecoderRef, type RefToken } from "../models/testing/decoder.ref.ts";
import { createTokenizer } from "../text/tokenizer.ts";
import { readGgufHeader } from "../weights/gguf.ts";
import { SourceReader } from "../weights/reader.ts";
import { openSource } from "../weights/source.ts";
import { makeRandomModel, type RandomModel, randomModelContents } from "../weights/testing/randomModel.ts";
import { DecoderEngine } from "./engine.ts";
import { loadRunner } from "./loadRunner.ts";
import type { MediaRows, MediaSpan } from "./mediaRows.ts";
import { defaultSampling, type Engine, type GenerationRequest } from "./types.ts";

const model: RandomModel = {
  ...{ architecture: "qwen3vl", layers: 3, width: 64, heads: 4, kvHeads: 2, headWidth: 32, feedForward: 96 },
  ...{ vocab: 331, type: "f32", contextLength: 256, ropeTheta: 300, deepstackLayers: 2 },
};
const D = model.width;
const reference = new DecoderRef(model, randomModelContents(model));

let gpu: Gpu;
let engine: Engine;
let media: MediaRows;
beforeAll(async () => {
  gpu = await openGpu();
  ({ engine, media } = await open({ contextLength: 256, capacity: 1024, maxRunning: 4, maxQueued: 4 }));
}, 300_000);
afterAll(() => gpu.device.destroy());

async function open(sizes: {
  contextLength: number;
  capacity: number;
  maxRunning: number;
  maxQueued: number;
}) {
  const reader = new SourceReader(openSource(new Blob([makeRandomModel(model)])));
  const header = await readGgufHeader(reader);
  const config = modelConfig(header);
  const options = { gpu, header, config, reader, cacheType: "f32", chunkTokens: 64, ...sizes } as const;
  const { runner, weights } = await loadRunner({ ...options, maxTopLogprobs: 64, mediaRows: 80 });
  const engine = new DecoderEngine({
    ...{ gpu, config, runner, ...sizes, modelId: "test", fingerprint: "fp_test" },
    ...{ tokenizer: createTokenizer(header.metadata), persistence: undefined, tuning: undefined },
    weights: { ...weights, parameters: 0, types: {} },
  });
  return { engine, media: runner.media! };
}

/** Random rows; what they add behind the layers is as large. */
interface Content {
  span: MediaSpan;
  rows: Float32Array<ArrayBuffer>;
  deep: Float32Array<ArrayBuffer>[];
}

interface Picture extends Content {
  grid: MediaGrid;
}

async function put(room: MediaRows, seed: number, count: number, layout: MediaLayout): Promise<Content> {
  const values = (salt: number) =>
    new Float32Array(randomValues(97 * seed + salt, count * D).map((v) => v / 8));
  const content = { rows: values(0), deep: [values(1), values(2)] };
  const encode: Parameters<MediaRows["open"]>[2] = (target, deep) =>
    [target, ...deep].forEach(({ buffer, offsetBytes }, i) => {
      gpu.device.queue.writeBuffer(buffer, offsetBytes, [content.rows, ...content.deep][i]!);
    });
  return { ...content, span: await room.open(`content ${seed}`, count, encode, layout) };
}

async function show(room: MediaRows, seed: number, rows: number, columns: number): Promise<Picture> {
  const grid = [1, rows, columns] as const;
  return { ...(await put(room, seed, rows * columns, { grid })), grid };
}

const rowOf = ({ rows, deep }: Content, i: number) => {
  const at = (values: Float32Array) => values.subarray(i * D, (i + 1) * D);
  return { row: at(rows), deep: deep.map(at) };
};

/** Frames and sound of a video, aligned in time, in the order of the prompt. */
interface Film {
  contents: Content[];
  rows: (RefToken & { token: number })[];
}

/** Frames of two rows of four at ticks 0, 6 and 12, and a sound of 15 ticks in two windows, in turns of ten ticks. */
async function film(room: MediaRows): Promise<Film> {
  const contents: Content[] = [];
  const rowsOf = (content: Content, place: (i: number) => RefToken["position"]): Film["rows"] => {
    contents.push(content);
    return content.span.tokens.map((token, i) => ({ token, ...rowOf(content, i), position: place(i) }));
  };
  const frame = async (tick: number) => {
    const content = await put(room, 20 + tick, 8, { grid: [1, 2, 4], ticks: [tick] });
    return rowsOf(content, (i) => [tick, Math.floor(i / 4), i % 4]);
  };
  const sound = async (start: number, count: number) => {
    const ticks = Array.from({ length: count }, (_, i) => start + i);
    const content = await put(room, 40 + start, count, { ticks });
    return rowsOf(content, (i) => [start + i, start + i, start + i]);
  };
  const frames = [await frame(0), await frame(6), await frame(12)];
  const sounds = [...(await sound(0, 9)), ...(await sound(9, 6))];
  const turns = [...frames[0]!, ...frames[1]!, ...sounds.slice(0, 10), ...frames[2]!, ...sounds.slice(10)];
  return { contents, rows: turns };
}

const words = (count: number, salt: number) =>
  Array.from({ length: count }, (_, i) => 3 + ((i * (37 + salt) + salt * 11) % 320));

type Part = readonly number[] | Picture | Film;
const promptOf = (parts: readonly Part[]) =>
  parts.flatMap((part) => {
    if ("contents" in part) return part.rows.map(({ token }) => token);
    return "span" in part ? part.span.tokens : part;
  });

/** The same for the reference, whose positions are counted here. */
function refTokens(parts: readonly Part[]): RefToken[] {
  let next = 0;
  return parts.flatMap((part): RefToken[] => {
    const start = next;
    if ("contents" in part) {
      next += Math.max(...part.rows.flatMap(({ position }) => position)) + 1;
      return part.rows.map(({ position: [time, y, x], ...row }) => ({
        ...{ ...row, position: [start + time, start + y, start + x] },
      }));
    }
    if (!("span" in part)) {
      next += part.length;
      return part.map((token, i) => ({
        row: reference.embedding(token),
        position: [start + i, start + i, start + i],
      }));
    }
    const [, rows, columns] = part.grid;
    next += Math.max(rows, columns);
    return Array.from({ length: rows * columns }, (_, i) => ({
      ...rowOf(part, i),
      position: [start, start + Math.floor(i / columns), start + (i % columns)],
    }));
  });
}

interface Answer {
  tokens: number[];
  logprobs: number[];
  /** Of the first token. */
  top: Map<number, number>;
  cachedTokens: number;
}

async function run(of: Engine, changes: Partial<GenerationRequest>): Promise<Answer> {
  const answer: Answer = { tokens: [], logprobs: [], top: new Map(), cachedTokens: -1 };
  const events = of.generate({
    ...{ promptTokens: [], maxTokens: 12, sampling: { ...defaultSampling, temperature: 0 }, stopStrings: [] },
    ...{ stopTokens: [], ignoreEos: true, topLogprobs: 64, promptLogprobs: false, cachePrompt: false },
    ...{ signal: undefined, ...changes },
  });
  for await (const event of events) {
    if (event.type === "prompt") answer.cachedTokens = event.cachedTokens;
    if (event.type !== "token") continue;
    if (answer.tokens.length === 0)
      answer.top = new Map(event.logprob!.top.map(({ token, logprob }) => [token, logprob]));
    answer.tokens.push(event.token);
    answer.logprobs.push(event.logprob!.logprob);
  }
  return answer;
}

const numbers = ({ tokens, logprobs }: Answer) => ({ tokens, logprobs });

/** Prompt and answer as the formulas have them: also what was drawn in decode steps, behind the pictures. */
function expectFormulas(parts: readonly Part[], { tokens, logprobs, top }: Answer) {
  for (const count of [0, 1, tokens.length - 1]) {
    const expected = reference.next(refTokens([...parts, tokens.slice(0, count)]));
    const off = Math.abs(expected[tokens[count]!]! - logprobs[count]!);
    expect(off, `token ${count}`).toBeLessThan(1e-3);
    if (count > 0) continue;
    expect(top.size).toBe(64);
    for (const [token, logprob] of top) expect(Math.abs(expected[token]! - logprob)).toBeLessThan(1e-3);
  }
}

test("pictures among text equal the formulas: in chunks, together, from the cache and forked", async () => {
  const wide = await show(media, 1, 3, 7);
  const tall = await show(media, 2, 6, 4);
  // 45 positions of text before the first picture, which the chunk of 64 ends in.
  const parts = [words(45, 1), wide, words(5, 2), tall, words(9, 3)];
  const asked = { promptTokens: promptOf(parts) };
  const alone = await run(engine, asked);
  expectFormulas(parts, alone);
  // Grid, text behind it and deep rows all count: without one of them, something else comes out.
  const flat = { ...wide, grid: [1, 1, 21] as const };
  const shallow = { ...wide, deep: [] };
  for (const other of [flat, shallow]) {
    const wrong = reference.next(refTokens([words(45, 1), other, words(5, 2), tall, words(9, 3)]));
    expect(Math.abs(wrong[alone.tokens[0]!]! - alone.logprobs[0]!)).toBeGreaterThan(5e-3);
  }

  // Together with text and with another picture, whose rows are elsewhere.
  const text = { promptTokens: words(50, 6) };
  const other = { promptTokens: promptOf([words(3, 4), tall, words(30, 5)]) };
  const expected = [alone, await run(engine, text), await run(engine, other)];
  const together = await Promise.all([asked, text, other].map((one) => run(engine, one)));
  expect(together.map(numbers)).toEqual(expected.map(numbers));
  expectFormulas([words(50, 6)], together[1]!);

  // From the prefix cache, up to within a picture and behind both; forks draw from one row.
  const cached = { ...asked, cachePrompt: true };
  const forked = await Promise.all([cached, cached].map((one) => run(engine, one)));
  expect(forked.map(numbers)).toEqual([alone, alone].map(numbers));
  const again = await run(engine, cached);
  expect(again.cachedTokens).toBe(asked.promptTokens.length - 1);
  expect(numbers(again)).toEqual(numbers(alone));
  const turn = [...parts, alone.tokens, words(4, 8)];
  const next = await run(engine, { promptTokens: promptOf(turn), cachePrompt: true });
  expect(next.cachedTokens).toBeGreaterThan(asked.promptTokens.length);
  expectFormulas(turn, next);
  for (const { span } of [wide, tall]) span.release();
});

test("frames and sound aligned in time equal the formulas: alone, from the cache and forked", async () => {
  const video = await film(media);
  // The chunk of 64 ends within its last frame.
  const parts = [words(34, 4), video, words(7, 2)];
  const asked = { promptTokens: promptOf(parts) };
  const alone = await run(engine, asked);
  expectFormulas(parts, alone);
  // Times count, those of frames and those of sounds: without either, something else comes out.
  for (const isSound of [false, true]) {
    const rows = video.rows.map((row) => {
      const [time, y, x] = row.position;
      const sounds = time === y && time === x;
      return sounds === isSound ? { ...row, position: [0, isSound ? 0 : y, isSound ? 0 : x] as const } : row;
    });
    const wrong = reference.next(refTokens([words(34, 4), { ...video, rows }, words(7, 2)]));
    expect(Math.abs(wrong[alone.tokens[0]!]! - alone.logprobs[0]!)).toBeGreaterThan(5e-3);
  }

  const cached = { ...asked, cachePrompt: true };
  const forked = await Promise.all([cached, cached].map((one) => run(engine, one)));
  expect(forked.map(numbers)).toEqual([alone, alone].map(numbers));
  const again = await run(engine, cached);
  expect(again.cachedTokens).toBe(asked.promptTokens.length - 1);
  expect(numbers(again)).toEqual(numbers(alone));
  // The next question finds the video, and a prompt that ends within it what both have in common.
  const turn = [...parts, alone.tokens, words(4, 8)];
  const next = await run(engine, { promptTokens: promptOf(turn), cachePrompt: true });
  expect(next.cachedTokens).toBeGreaterThan(asked.promptTokens.length);
  expectFormulas(turn, next);
  const shorter = [words(34, 4), { ...video, rows: video.rows.slice(0, 26) }, words(5, 9)];
  const within = await run(engine, { promptTokens: promptOf(shorter), cachePrompt: true });
  expect(within.cachedTokens).toBeGreaterThanOrEqual(32);
  expectFormulas(shorter, within);
  for (const { span } of video.contents) span.release();
}, 300_000);

test("a request that gives up its pages, and one whose context shifts, count on rightly", async () => {
  const sizes = { contextLength: 128, capacity: 160, maxRunning: 3, maxQueued: 1 };
  const { engine: small, media: room } = await open(sizes);
  const picture = await show(room, 3, 4, 5);
  const parts = [words(6, 1), picture, words(3, 2)];
  const asked = { promptTokens: promptOf(parts), maxTokens: 60 };
  const alone = await run(small, asked);
  expectFormulas(parts, alone);
  const others = [30, 25].map((length, i) => ({ promptTokens: words(length, i), maxTokens: 60 }));
  const answers = await Promise.all([...others, asked].map((one) => run(small, one)));
  expect(small.stats().requests.preemptions).toBeGreaterThan(0);
  expect(numbers(answers[2]!)).toEqual(numbers(alone));

  const endless = await run(small, { ...asked, maxTokens: 130, contextShift: { keep: 30 } });
  // Full when token 99 was drawn: of the 128 the first 30, picture included, and the later half of the others went on.
  const drawn = endless.tokens.slice(0, 100);
  const history = [...words(3, 2), ...drawn];
  const kept = history.slice(0, 4);
  const rest = history.slice(4);
  const shifted = [words(6, 1), picture, [...kept, ...rest.slice(Math.ceil(rest.length / 2))]];
  const after = await run(small, { promptTokens: promptOf(shifted), maxTokens: 10 });
  expect(endless.tokens.slice(100, 110)).toEqual(after.tokens);
  picture.span.release();
}, 300_000);
