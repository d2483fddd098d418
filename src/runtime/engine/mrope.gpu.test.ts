/**
 * Pictures on their grids and videos aligned in time, with rows for the first layers, in a small random-weight `qwen3vl`: by
 * its formulas, alone and together.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { type Gpu, openGpu } from "../gpu/device.ts";
import type { RefToken } from "../models/testing/decoder.ref.ts";
import type { RandomModel } from "../weights/testing/randomModel.ts";
import type { MediaRows } from "./mediaRows.ts";
import {
  type Content,
  expectCached,
  expectForks,
  type Film,
  MediaBench,
  numbers,
  promptOf,
  run,
  words,
} from "./testing/mediaBench.ts";
import type { Engine } from "./types.ts";

const model: RandomModel = {
  ...{ architecture: "qwen3vl", layers: 3, width: 64, heads: 4, kvHeads: 2, headWidth: 32, feedForward: 96 },
  ...{ vocab: 331, type: "f32", contextLength: 256, ropeTheta: 300, deepstackLayers: 2 },
};

let gpu: Gpu;
let bench: MediaBench;
let engine: Engine;
let media: MediaRows;
beforeAll(async () => {
  gpu = await openGpu();
  bench = new MediaBench(gpu, model);
  ({ engine, media } = await bench.open({ contextLength: 256, capacity: 1024, maxRunning: 4, maxQueued: 4 }));
}, 300_000);
afterAll(() => gpu.device.destroy());

/** Frames of two rows of four at ticks 0, 6 and 12, and a sound of 15 ticks in two windows, in turns of ten ticks. */
async function film(room: MediaRows): Promise<Film> {
  const contents: Content[] = [];
  const rowsOf = (content: Content, place: (i: number) => RefToken["position"]): Film["rows"] => {
    contents.push(content);
    return content.span.tokens.map((token, i) => ({ token, ...bench.rowOf(content, i), position: place(i) }));
  };
  const frame = async (tick: number) => {
    const content = await bench.put(room, 20 + tick, 8, { grid: [1, 2, 4], ticks: [tick] });
    return rowsOf(content, (i) => [tick, Math.floor(i / 4), i % 4]);
  };
  const sound = async (start: number, count: number) => {
    const ticks = Array.from({ length: count }, (_, i) => start + i);
    const content = await bench.put(room, 40 + start, count, { ticks });
    return rowsOf(content, (i) => [start + i, start + i, start + i]);
  };
  const frames = [await frame(0), await frame(6), await frame(12)];
  const sounds = [...(await sound(0, 9)), ...(await sound(9, 6))];
  const turns = [...frames[0]!, ...frames[1]!, ...sounds.slice(0, 10), ...frames[2]!, ...sounds.slice(10)];
  return { contents, rows: turns };
}

test("pictures among text equal the formulas: in chunks, together, from the cache and forked", async () => {
  const wide = await bench.show(media, 1, { grid: [1, 3, 7] });
  const tall = await bench.show(media, 2, { grid: [1, 6, 4] });
  // 45 positions of text before the first picture, which the chunk of 64 ends in.
  const parts = [words(45, 1), wide, words(5, 2), tall, words(9, 3)];
  const asked = { promptTokens: promptOf(parts) };
  const alone = await run(engine, asked);
  bench.expectFormulas(parts, alone);
  // Grid, text behind it and deep rows all count: without one of them, something else comes out.
  const flat = { ...wide, grid: [1, 1, 21] as const };
  const shallow = { ...wide, deep: [] };
  for (const other of [flat, shallow]) {
    const wrong = bench.next([words(45, 1), other, words(5, 2), tall, words(9, 3)]);
    expect(Math.abs(wrong[alone.tokens[0]!]! - alone.logprobs[0]!)).toBeGreaterThan(5e-3);
  }

  // Together with text and with another picture, whose rows are elsewhere.
  const text = { promptTokens: words(50, 6) };
  const other = { promptTokens: promptOf([words(3, 4), tall, words(30, 5)]) };
  const expected = [alone, await run(engine, text), await run(engine, other)];
  const together = await Promise.all([asked, text, other].map((one) => run(engine, one)));
  expect(together.map(numbers)).toEqual(expected.map(numbers));
  bench.expectFormulas([words(50, 6)], together[1]!);

  // From the prefix cache, up to within a picture and behind both; forks draw from one row.
  await expectForks(engine, asked, alone);
  await expectCached(engine, asked, alone);
  const turn = [...parts, alone.tokens, words(4, 8)];
  const next = await run(engine, { promptTokens: promptOf(turn), cachePrompt: true });
  expect(next.cachedTokens).toBeGreaterThan(asked.promptTokens.length);
  bench.expectFormulas(turn, next);
  for (const { span } of [wide, tall]) span.release();
});

test("frames and sound aligned in time equal the formulas: alone, from the cache and forked", async () => {
  const video = await film(media);
  // The chunk of 64 ends within its last frame.
  const parts = [words(34, 4), video, words(7, 2)];
  const asked = { promptTokens: promptOf(parts) };
  const alone = await run(engine, asked);
  bench.expectFormulas(parts, alone);
  // Times count, those of frames and those of sounds: without either, something else comes out.
  for (const isSound of [false, true]) {
    const rows = video.rows.map((row) => {
      const [time, y, x] = row.position;
      const sounds = time === y && time === x;
      return sounds === isSound ? { ...row, position: [0, isSound ? 0 : y, isSound ? 0 : x] as const } : row;
    });
    const wrong = bench.next([words(34, 4), { ...video, rows }, words(7, 2)]);
    expect(Math.abs(wrong[alone.tokens[0]!]! - alone.logprobs[0]!)).toBeGreaterThan(5e-3);
  }

  await expectForks(engine, asked, alone);
  await expectCached(engine, asked, alone);
  // The next question finds the video, and a prompt that ends within it what both have in common.
  const turn = [...parts, alone.tokens, words(4, 8)];
  const next = await run(engine, { promptTokens: promptOf(turn), cachePrompt: true });
  expect(next.cachedTokens).toBeGreaterThan(asked.promptTokens.length);
  bench.expectFormulas(turn, next);
  const shorter = [words(34, 4), { ...video, rows: video.rows.slice(0, 26) }, words(5, 9)];
  const within = await run(engine, { promptTokens: promptOf(shorter), cachePrompt: true });
  expect(within.cachedTokens).toBeGreaterThanOrEqual(32);
  bench.expectFormulas(shorter, within);
  for (const { span } of video.contents) span.release();
}, 300_000);

test("a request that gives up its pages, and one whose context shifts, count on rightly", async () => {
  const { engine: small, parts, picture } = await bench.expectPreempted({ grid: [1, 4, 5] });

  const endless = await run(small, {
    promptTokens: promptOf(parts),
    maxTokens: 130,
    contextShift: { keep: 30 },
  });
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
