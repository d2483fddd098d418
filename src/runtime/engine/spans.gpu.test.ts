/** Pictures whose rows see each other both ways, in a small random-weight `qwen3`: by its formulas, alone and together. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { type Gpu, openGpu } from "../gpu/device.ts";
import type { RandomModel } from "../weights/testing/randomModel.ts";
import type { MediaRows } from "./mediaRows.ts";
import { expectForks, MediaBench, numbers, promptOf, run, words } from "./testing/mediaBench.ts";
import type { Engine } from "./types.ts";

const model: RandomModel = {
  ...{ architecture: "qwen3", layers: 3, width: 64, heads: 4, kvHeads: 2, headWidth: 32, feedForward: 96 },
  ...{ vocab: 331, type: "f32", contextLength: 256, ropeTheta: 300 },
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

test("rows of a picture see the whole of it: in chunks, together, from the cache and forked", async () => {
  const small = await bench.show(media, 1, { span: 21 });
  const large = await bench.show(media, 2, { span: 50 });
  // 45 positions of text before the first picture, which the chunk of 64 would end in; the second one needs most of a chunk.
  const parts = [words(45, 1), small, words(5, 2), large, words(9, 3)];
  const asked = { promptTokens: promptOf(parts) };
  const alone = await run(engine, asked);
  bench.expectFormulas(parts, alone);
  // If rows saw only those before them, something else came out.
  const causal = { ...large, bothWays: false };
  const wrong = bench.next([words(45, 1), small, words(5, 2), causal, words(9, 3)]);
  expect(Math.abs(wrong[alone.tokens[0]!]! - alone.logprobs[0]!)).toBeGreaterThan(5e-3);

  // Together with text and with another picture, whose rows are elsewhere.
  const text = { promptTokens: words(50, 6) };
  const other = { promptTokens: promptOf([words(3, 4), large, words(30, 5)]) };
  const expected = [alone, await run(engine, text), await run(engine, other)];
  const together = await Promise.all([asked, text, other].map((one) => run(engine, one)));
  expect(together.map(numbers)).toEqual(expected.map(numbers));

  // Prompts with the same first picture, which a page ends in: one waits for the other to compute that page.
  const branch = { promptTokens: promptOf([words(45, 1), small, words(20, 7)]) };
  const branchAlone = await run(engine, branch);
  const shared = [asked, branch].map((one) => run(engine, { ...one, cachePrompt: true }));
  const [first, second] = await Promise.all(shared);
  expect([first, second].map((one) => numbers(one!))).toEqual([alone, branchAlone].map(numbers));
  expect(second!.cachedTokens).toBeGreaterThan(63);

  // From the cache as a whole; forks draw from one row.
  await expectForks(engine, asked, alone);

  // Up to within a picture, of which only the last row is computed again.
  const ending = [words(45, 1), small];
  const whole = await run(engine, { promptTokens: promptOf(ending) });
  bench.expectFormulas(ending, whole);
  const last = await run(engine, { promptTokens: promptOf(ending), cachePrompt: true });
  expect(last.cachedTokens).toBe(65);
  expect(numbers(last)).toEqual(numbers(whole));
  for (const { span } of [small, large]) span.release();
});

test("what would leave rows without those that they see is refused", async () => {
  await expect(bench.show(media, 4, { span: 65 })).rejects.toThrow("64 are computed at once");
  const picture = await bench.show(media, 5, { span: 10 });
  const cut = [...words(4, 1), ...picture.span.tokens.slice(0, 9), ...words(4, 2)];
  await expect(run(engine, { promptTokens: cut })).rejects.toThrow("only a part of a picture");
  picture.span.release();
});

test("a request that gives up its pages, and one whose context shifts, go on rightly", async () => {
  const { engine: small, parts, picture } = await bench.expectPreempted({ span: 20 });

  // The first 20 tokens end within the picture, of which nothing is kept then; full when token 99 was drawn.
  const endless = await run(small, {
    promptTokens: promptOf(parts),
    maxTokens: 130,
    contextShift: { keep: 20 },
  });
  const history = promptOf([...parts, endless.tokens.slice(0, 100)]);
  const rest = history.slice(6);
  const shifted = [...words(6, 1), ...rest.slice(Math.ceil(rest.length / 2))];
  const after = await run(small, { promptTokens: shifted, maxTokens: 10 });
  expect(endless.tokens.slice(100, 110)).toEqual(after.tokens);
  picture.span.release();
}, 300_000);

test("a window counts back from a row's own place, and hides nothing of its span", async () => {
  const windowed = new MediaBench(gpu, {
    ...{ ...model, architecture: "gemma3", layers: 6, window: 16, ropeTheta: 1_000_000 },
  });
  const sizes = { contextLength: 256, capacity: 512, maxRunning: 2, maxQueued: 2 };
  const { engine: gemma, media: room } = await windowed.open(sizes);
  const short = await windowed.show(room, 6, { span: 12 });
  const long = await windowed.show(room, 7, { span: 30 });
  const parts = [words(40, 1), short, words(5, 2), long, words(9, 3)];
  const asked = { promptTokens: promptOf(parts) };
  const alone = await run(gemma, asked);
  windowed.expectFormulas(parts, alone);
  const text = { promptTokens: words(50, 6) };
  const textAlone = await run(gemma, text);
  windowed.expectFormulas([words(50, 6)], textAlone);
  const together = await Promise.all([asked, text].map((one) => run(gemma, one)));
  expect(together.map(numbers)).toEqual([alone, textAlone].map(numbers));
  for (const { span } of [short, long]) span.release();
}, 300_000);
