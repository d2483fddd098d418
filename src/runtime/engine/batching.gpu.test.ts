/** Many requests at once on small random-weight models: each gets what it would get alone, to the last bit. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OmniError } from "../errors.ts";
import { makeRandomModel, type RandomModel } from "../weights/testing/randomModel.ts";
import { type LoadedEngine, type LoadOptions, loadEngine } from "./load.ts";
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

const load = (options: Omit<LoadOptions, "model">) =>
  loadEngine({ model: new Blob([makeRandomModel(model)]), ...options });

describe("an engine with room for all", () => {
  let loaded: LoadedEngine;
  let engine: Engine;
  beforeAll(async () => {
    loaded = await load({ kvCache: { capacity: 2048 } });
    engine = loaded.engine;
  });
  afterAll(() => engine.dispose());

  test("greedy and sampled, of prompts short and long, ten together equal each alone", async () => {
    const all = [1, 2, 31, 32, 33, 64, 90, 120, 150, 7].map((length, i) => ({
      promptTokens: promptOf(length, i),
      maxTokens: 6 + i,
      sampling: i < 8 ? greedy : { ...defaultSampling, temperature: 0.8, topK: 50, seed: i },
    }));
    const expected = await alone(engine, all);
    expect(new Set(expected.flatMap(({ tokens }) => tokens)).size).toBeGreaterThan(20);
    expect(await together(engine, all)).toEqual(expected);
    const { requests, kvPages, latency, tokens } = engine.stats();
    expect(requests).toMatchObject({ running: 0, queued: 0, finished: 20, failed: 0, preemptions: 0 });
    expect([kvPages.used, kvPages.cached + kvPages.free]).toEqual([0, kvPages.total]);
    expect(latency.timeToFirstToken.count).toBe(20);
    expect(latency.timePerToken.count).toBe(tokens.generated - 20);
  });

  test("equal prompts are computed once and fork; each draws what its seed says", async () => {
    const all = [1, 2, 3, 4, 5].map((seed) => ({
      promptTokens: promptOf(77, 20),
      sampling: { ...defaultSampling, seed },
    }));
    const expected = await alone(engine, all);
    const before = engine.stats().tokens.prompt;
    const forked = await together(
      engine,
      all.map((one) => ({ ...one, cachePrompt: true })),
    );
    expect(engine.stats().tokens.prompt - before).toBe(77);
    expect(forked.map(({ cachedTokens }) => cachedTokens)).toEqual([0, 77, 77, 77, 77]);
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

test("when pages run out, the newest is computed again later, to the last bit", async () => {
  const { engine } = await load({ kvCache: { contextLength: 128, capacity: 160 } });
  const all = [30, 25, 20].map((length, i) => ({ promptTokens: promptOf(length, i), maxTokens: 60 }));
  const expected = await alone(engine, all);
  expect(engine.stats().requests.preemptions).toBe(0);
  expect(await together(engine, all)).toEqual(expected);
  expect(engine.stats().requests.preemptions).toBeGreaterThan(0);
  expect(engine.stats().kvPages.used).toBe(0);
  await engine.dispose();
});

test("a full queue refuses; an endless chat goes on beyond its context", async () => {
  const { engine } = await load({
    kvCache: { contextLength: 64 },
    scheduler: { maxRunning: 1, maxQueued: 1 },
  });
  const all = [1, 2, 3].map(() => run(engine, {}).catch((error: OmniError) => error));
  const answers = await Promise.all(all);
  expect(answers[2]).toMatchObject({ code: "queue_full", status: 429 });
  expect(answers[1]).toEqual(answers[0]);
  expect(engine.stats().requests).toMatchObject({ finished: 2, rejected: 1 });

  const endless = await run(engine, { maxTokens: 100, contextShift: { keep: 4 } });
  expect(endless.tokens).toHaveLength(100);
  // 64 positions were full when token 45 was drawn: 4 tokens and the later 30 of 61 went on.
  const history = [...promptOf(20, 1), ...endless.tokens.slice(0, 45)];
  const shifted = [...history.slice(0, 4), ...history.slice(-30)];
  const after = await run(engine, { promptTokens: shifted, maxTokens: 30 });
  expect(endless.tokens.slice(45, 75)).toEqual(after.tokens);
  await engine.dispose();
});

test("a conversation goes on after a reload without computing its history", async () => {
  const root = await navigator.storage.getDirectory();
  const clear = () => root.removeEntry("omnitab-kv-cache", { recursive: true }).catch(() => undefined);
  await clear();
  const kvCache = { persist: { maxBytes: 1e7 } };
  const prompt = promptOf(75, 50);
  const first = await load({ kvCache });
  const { tokens } = await run(first.engine, { promptTokens: prompt, cachePrompt: true });
  await first.engine.dispose();
  const second = await load({ kvCache });
  const next = { promptTokens: [...prompt, ...tokens, 7, 8] };
  const restored = await run(second.engine, { ...next, cachePrompt: true });
  expect(restored.cachedTokens).toBe(64);
  expect(restored.tokens).toEqual((await run(second.engine, next)).tokens);
  await second.engine.dispose();
  // Other weights under the same header find nothing.
  const other = await loadEngine({ model: new Blob([makeRandomModel({ ...model, seed: 2 })]), kvCache });
  expect((await run(other.engine, { ...next, cachePrompt: true })).cachedTokens).toBe(0);
  await other.engine.dispose();
  await clear();
});
