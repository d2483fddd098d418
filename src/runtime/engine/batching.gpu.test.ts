/** Many requests at once on small random-weight models: each gets what it would get alone, to the last bit. */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { OmniError } from "../errors.ts";
import { type Gpu, openGpu } from "../gpu/device.ts";
import { modelConfig } from "../models/architectures.ts";
import { createTokenizer } from "../text/tokenizer.ts";
import { dequantize } from "../weights/dequantize.ts";
import { readGgufHeader } from "../weights/gguf.ts";
import { SourceReader } from "../weights/reader.ts";
import { openSource } from "../weights/source.ts";
import { makeRandomModel, type RandomModel, randomModelContents } from "../weights/testing/randomModel.ts";
import { CachePersistence, OpfsStore, PageStore } from "./cachePersistence.ts";
import { DecoderEngine } from "./engine.ts";
import { loadRunner } from "./loadRunner.ts";
import type { MediaRows, MediaSpan } from "./mediaRows.ts";
import { defaultSampling, type Engine, type GenerationEvent, type GenerationRequest } from "./types.ts";

const model: RandomModel = {
  architecture: "llama",
  layers: 2,
  width: 64,
  heads: 4,
  kvHeads: 2,
  headWidth: 16,
  feedForward: 96,
  vocab: 331,
  type: "q8_0",
  contextLength: 256,
};

const greedy = { ...defaultSampling, temperature: 0 };
const promptOf = (length: number, salt: number) =>
  Array.from({ length }, (_, i) => 3 + ((i * (37 + salt) + salt * 11) % 320));

const request = (changes: Partial<GenerationRequest>): GenerationRequest => ({
  promptTokens: promptOf(20, 1),
  maxTokens: 12,
  sampling: greedy,
  stopStrings: [],
  stopTokens: [],
  ignoreEos: true,
  topLogprobs: 0,
  promptLogprobs: false,
  cachePrompt: false,
  signal: undefined,
  ...changes,
});

interface Answer {
  tokens: number[];
  /** To the last bit what the kernels computed. */
  logprobs: number[];
  cachedTokens: number;
}

async function collect(events: AsyncIterable<GenerationEvent>): Promise<Answer> {
  const answer: Answer = { tokens: [], logprobs: [], cachedTokens: -1 };
  for await (const event of events) {
    if (event.type === "prompt") answer.cachedTokens = event.cachedTokens;
    if (event.type !== "token") continue;
    answer.tokens.push(event.token);
    if (event.logprob) answer.logprobs.push(event.logprob.logprob);
  }
  return answer;
}

const run = (engine: Engine, changes: Partial<GenerationRequest>) =>
  collect(engine.generate(request(changes)));
const together = (engine: Engine, all: Partial<GenerationRequest>[]) =>
  Promise.all(all.map((changes) => run(engine, changes)));

async function alone(engine: Engine, all: Partial<GenerationRequest>[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const changes of all) answers.push(await run(engine, changes));
  return answers;
}

/** Engines on one device share its pipelines: loading is mostly compiling. */
let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.device.destroy());

const folder = "omnitab-test-kv-cache";

async function open(sizes: {
  contextLength: number;
  capacity: number;
  maxRunning: number;
  maxQueued: number;
}) {
  const reader = new SourceReader(openSource(new Blob([makeRandomModel(model)])));
  const header = await readGgufHeader(reader);
  const config = modelConfig(header);
  const options = { gpu, header, config, reader, cacheType: "f16", chunkTokens: 64, ...sizes } as const;
  const { runner, weights } = await loadRunner({ ...options, maxTopLogprobs: 4, mediaRows: 48 });
  const engine = new DecoderEngine({
    ...{ gpu, config, runner, ...sizes, modelId: "test", fingerprint: "fp_test" },
    tokenizer: createTokenizer(header.metadata),
    persistence: (parts) =>
      new CachePersistence({
        ...parts,
        store: new PageStore(new OpfsStore(folder), 1e7),
        fingerprint: "test",
      }),
    tuning: undefined,
    weights: { ...weights, parameters: 0, types: {} },
  });
  return { engine, media: runner.media! };
}

/** Rows of the embedding: what a picture that looks like these words is encoded to. */
function embeddingOf(tokens: readonly number[]): Float32Array<ArrayBuffer> {
  const { bytes } = randomModelContents(model).tensors.find(({ name }) => name === "token_embd.weight")!;
  const table = dequantize(model.type, bytes, model.vocab * model.width);
  return Float32Array.from(
    tokens.flatMap((token) => [...table.subarray(token * model.width, (token + 1) * model.width)]),
  );
}

/** Words as a picture in the room for media. */
const show = (media: MediaRows, words: readonly number[]): Promise<MediaSpan> =>
  media.open(words.join(), words.length, ({ buffer, offsetBytes }) =>
    gpu.device.queue.writeBuffer(buffer, offsetBytes, embeddingOf(words)),
  );

describe("an engine with room for all", () => {
  let engine: Engine;
  let media: MediaRows;
  beforeAll(async () => {
    const sizes = { contextLength: 256, capacity: 2048, maxRunning: 16, maxQueued: 16 };
    ({ engine, media } = await open(sizes));
  }, 300_000);

  test("greedy and sampled, of prompts short and long, ten together equal each alone", async () => {
    const all = [1, 2, 31, 32, 33, 64, 90, 120, 150, 7].map((length, i) => ({
      promptTokens: promptOf(length, i),
      maxTokens: 6 + i,
      sampling: i < 8 ? greedy : { ...defaultSampling, temperature: 0.8, topK: 50, seed: i },
    }));
    const expected = await alone(engine, all);
    expect(new Set(expected.flatMap(({ tokens }) => tokens)).size).toBeGreaterThan(20);
    expect(await together(engine, all)).toEqual(expected);
    const { requests, kvPages, latency, tokens, prefixCache } = engine.stats();
    expect(requests).toMatchObject({ running: 0, queued: 0, finished: 20, failed: 0, preemptions: 0 });
    expect([kvPages.used, kvPages.cached + kvPages.free]).toEqual([0, kvPages.total]);
    expect(latency.timeToFirstToken.count).toBe(20);
    expect(latency.timePerToken.count).toBe(tokens.generated - 20);
    expect(requests.stop + requests.length).toBe(20);
    expect(latency.request.count).toBe(20);
    expect(latency.request.sumMs).toBeGreaterThan(latency.timeToFirstToken.sumMs);
    expect(latency.promptChunk.count).toBeGreaterThan(0);
    expect(latency.promptChunk.recent.maxMs).toBeGreaterThanOrEqual(latency.promptChunk.recent.p99Ms);
    expect(latency.meanTimePerToken.count).toBeGreaterThan(0);
    expect(tokens.cached).toBeGreaterThanOrEqual(0);
    expect(prefixCache.queriedTokens).toBeGreaterThanOrEqual(tokens.cached);
  });

  test("a picture that looks like words is read as these words", async () => {
    const words = promptOf(20, 9);
    const picture = await show(media, words);
    const same = await show(media, words);
    const other = await show(media, promptOf(20, 10));
    const around = (middle: readonly number[]) => [...promptOf(30, 3), ...middle, ...promptOf(25, 4)];
    const asked = { promptTokens: around(picture.tokens) };
    const answer = await run(engine, asked);
    expect(answer.tokens).toHaveLength(12);
    expect(answer).toEqual(await run(engine, { promptTokens: around(words) }));
    // Cached as words are, by what they show.
    const again = await run(engine, { promptTokens: around(same.tokens), cachePrompt: true });
    expect(again).toMatchObject({ tokens: answer.tokens, cachedTokens: 74 });
    const different = await run(engine, { promptTokens: around(other.tokens), cachePrompt: true });
    expect(different.cachedTokens).toBe(30);
    expect(different.logprobs).not.toEqual(answer.logprobs);
    // Together with others, and with penalties for words, which it has none of.
    const sampling = { ...greedy, repetitionPenalty: 1.5 };
    const all = [{ ...asked, sampling }, { promptTokens: promptOf(40, 6) }, asked];
    expect(await together(engine, all)).toEqual(await alone(engine, all));
    for (const span of [picture, same, other]) span.release();
    await expect(run(engine, asked)).rejects.toMatchObject({ code: "invalid_request" });
  });

  test("equal prompts are computed once and fork; each draws what its seed says", async () => {
    const all = [1, 2, 3, 4, 5].map((seed) => ({
      promptTokens: promptOf(77, 20),
      sampling: { ...defaultSampling, seed },
    }));
    // First, as the others leave the prompt in the cache.
    const before = engine.stats().tokens.prompt;
    const forked = await together(
      engine,
      all.map((one) => ({ ...one, cachePrompt: true })),
    );
    const computed = engine.stats().tokens.prompt - before;
    const expected = await alone(engine, all);
    // Those that come after the first chunk of 64 share that one, and one of them computes the rest beside the first.
    const cached = forked.map(({ cachedTokens }) => cachedTokens);
    expect(cached[0]).toBe(0);
    for (const tokens of cached.slice(1)) expect([64, 77]).toContain(tokens);
    expect(cached.filter((tokens) => tokens === 77).length).toBeGreaterThanOrEqual(2);
    expect(computed).toBe(cached.reduce((sum, tokens) => sum + 77 - tokens, 0));
    expect(forked.map(({ tokens, logprobs }) => ({ tokens, logprobs }))).toEqual(
      expected.map(({ tokens, logprobs }) => ({ tokens, logprobs })),
    );
  });

  test("a prefix is shared between conversations, and a turn goes on from the last one", async () => {
    const system = promptOf(70, 30);
    const first = await run(engine, { promptTokens: [...system, 5, 6], cachePrompt: true });
    expect(first.cachedTokens).toBe(0);
    const others = [7, 8].map((token) => ({ promptTokens: [...system, token] }));
    const shared = await together(
      engine,
      others.map((one) => ({ ...one, cachePrompt: true })),
    );
    expect(shared.map(({ cachedTokens }) => cachedTokens)).toEqual([70, 70]);
    const expected = await alone(engine, others);
    expect(shared.map(({ logprobs }) => logprobs)).toEqual(expected.map(({ logprobs }) => logprobs));
    const next = [...system, 5, 6, ...first.tokens, 9];
    const second = await run(engine, { promptTokens: next, cachePrompt: true });
    expect(second.cachedTokens).toBe(70 + 2 + 11);
    expect(second.tokens).toEqual((await run(engine, { promptTokens: next })).tokens);
  });

  test("a stream goes on while a long prompt is computed, and an abort frees what was held", async () => {
    const abort = new AbortController();
    let streamed = 0;
    let atPrompt = -1;
    const stream = async () => {
      const events = engine.generate(request({ maxTokens: 200, signal: abort.signal }));
      for await (const event of events) if (event.type === "token") streamed++;
    };
    const running = stream().catch((error: OmniError) => error.code);
    while (streamed < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    const before = streamed;
    for await (const event of engine.generate(request({ promptTokens: promptOf(240, 40), maxTokens: 2 })))
      if (event.type === "prompt") atPrompt = streamed;
    expect(atPrompt).toBeGreaterThan(before);
    abort.abort();
    expect(await running).toBe("aborted");
    expect(engine.stats()).toMatchObject({ kvPages: { used: 0 }, requests: { running: 0, cancelled: 1 } });
  });
});

describe("an engine with few pages", () => {
  const sizes = { contextLength: 128, capacity: 160, maxRunning: 3, maxQueued: 1 };
  let engine: Engine;
  let media: MediaRows;
  beforeAll(async () => {
    await clear();
    ({ engine, media } = await open(sizes));
  }, 300_000);
  const clear = async () => {
    const root = await navigator.storage.getDirectory();
    await root.removeEntry(folder, { recursive: true }).catch(() => undefined);
  };
  afterAll(clear);

  test("pictures are computed again with their request", async () => {
    const words = promptOf(20, 9);
    const picture = await show(media, words);
    const prompts = [picture.tokens, words].map((middle) => [...promptOf(5, 3), ...middle, 8]);
    const others = [30, 25].map((length, i) => ({ promptTokens: promptOf(length, i), maxTokens: 60 }));
    const { preemptions } = engine.stats().requests;
    const asked = { promptTokens: prompts[0]!, maxTokens: 60 };
    const answers = await together(engine, [...others, asked]);
    expect(engine.stats().requests.preemptions).toBeGreaterThan(preemptions);
    expect(answers[2]).toEqual(await run(engine, { promptTokens: prompts[1]!, maxTokens: 60 }));
    picture.release();
  });

  test("when they run out, the newest request is computed again later, to the last bit", async () => {
    const all = [30, 25, 20].map((length, i) => ({ promptTokens: promptOf(length, i), maxTokens: 60 }));
    const expected = await alone(engine, all);
    const { preemptions } = engine.stats().requests;
    expect(await together(engine, all)).toEqual(expected);
    expect(engine.stats().requests.preemptions).toBeGreaterThan(preemptions);
    expect(engine.stats().kvPages.used).toBe(0);
  });

  test("a full queue refuses", async () => {
    const { finished } = engine.stats().requests;
    const all = [1, 2, 3, 4, 5].map(() => run(engine, {}).catch((error: OmniError) => error));
    const answers = await Promise.all(all);
    expect(answers[4]).toMatchObject({ code: "queue_full", status: 429 });
    expect(answers.slice(1, 4)).toEqual([answers[0], answers[0], answers[0]]);
    expect(engine.stats().requests).toMatchObject({ finished: finished + 4, rejected: 1 });
  });

  test("an endless chat goes on beyond its context", async () => {
    const endless = await run(engine, { maxTokens: 150, contextShift: { keep: 4 } });
    expect(endless.tokens).toHaveLength(150);
    // All positions were full when token 109 was drawn: the first 4 tokens and the later 62 of 125 went on.
    const history = [...promptOf(20, 1), ...endless.tokens.slice(0, 109)];
    const shifted = [...history.slice(0, 4), ...history.slice(-62)];
    const after = await run(engine, { promptTokens: shifted, maxTokens: 30 });
    expect(endless.tokens.slice(109, 139)).toEqual(after.tokens);
  });

  test("a conversation goes on after a reload without computing its history", async () => {
    const prompt = promptOf(75, 50);
    const { tokens } = await run(engine, { promptTokens: prompt, cachePrompt: true });
    const store = new OpfsStore(folder);
    await vi.waitFor(async () => expect((await store.list()).map(({ name }) => name[0])).toContain("1"));
    const { engine: reloaded } = await open(sizes);
    const next = { promptTokens: [...prompt, ...tokens, 7, 8] };
    const restored = await run(reloaded, { ...next, cachePrompt: true });
    expect(restored.cachedTokens).toBe(64);
    expect(restored.logprobs).toEqual((await run(engine, next)).logprobs);
  }, 300_000);
});
