/** The engine on small random-weight models: generation, cancellation, queueing, and what can go wrong. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OmniError } from "../errors.ts";
import { writeGguf } from "../weights/testing/ggufWriter.ts";
import { makeRandomModel, type RandomModel, randomModelContents } from "../weights/testing/randomModel.ts";
import { type LoadedEngine, type LoadProgress, loadEngine } from "./load.ts";
import { defaultSampling, type GenerationEvent, type GenerationRequest } from "./types.ts";

const model: RandomModel = {
  architecture: "qwen3",
  layers: 2,
  width: 64,
  heads: 4,
  kvHeads: 2,
  headWidth: 32,
  feedForward: 96,
  vocab: 331,
  type: "q8_0",
  contextLength: 300,
};

const greedy = { ...defaultSampling, temperature: 0 };
const prompt = Array.from({ length: 40 }, (_, i) => 3 + ((i * 37) % 320));

function request(changes: Partial<GenerationRequest> = {}): GenerationRequest {
  return {
    promptTokens: prompt,
    maxTokens: 12,
    sampling: greedy,
    stopStrings: [],
    stopTokens: [],
    ignoreEos: true,
    topLogprobs: undefined,
    promptLogprobs: false,
    signal: undefined,
    ...changes,
  };
}

async function collect(events: AsyncIterable<GenerationEvent>) {
  const tokens: number[] = [];
  let text = "";
  const all: GenerationEvent[] = [];
  for await (const event of events) {
    all.push(event);
    if (event.type === "token") tokens.push(event.token);
    if (event.type !== "prompt") text += event.text;
  }
  const done = all.at(-1);
  if (done?.type !== "done") throw new Error("no done event");
  return { tokens, text, all, done };
}

describe("generation", () => {
  let loaded: LoadedEngine;
  const progress: LoadProgress[] = [];
  const generate = (changes?: Partial<GenerationRequest>) =>
    collect(loaded.engine.generate(request(changes)));

  beforeAll(async () => {
    const blob = new Blob([makeRandomModel(model)]);
    loaded = await loadEngine({ model: blob, onProgress: (p) => progress.push(p) });
  });
  afterAll(() => loaded.engine.dispose());

  test("loading reports its phases in order, up to the last byte", () => {
    expect([...new Set(progress.map(({ phase }) => phase))]).toEqual([
      "header",
      "weights",
      "compile",
      "ready",
    ]);
    const { loadedBytes, totalBytes } = progress.at(-1)!;
    expect(loadedBytes).toBe(totalBytes);
    expect(loadedBytes).toBeGreaterThan(50_000);
  });

  test("greedy by the GPU's argmax, by the CPU's sampler and with log-probabilities agree", async () => {
    const plain = await generate();
    const onCpu = await generate({ sampling: { ...greedy, logitBias: new Map([[2, -100]]) } });
    const withLogprobs = await generate({ topLogprobs: 3 });
    expect(plain.tokens).toHaveLength(12);
    expect(new Set(plain.tokens).size).toBeGreaterThan(1);
    expect(onCpu.tokens).toEqual(plain.tokens);
    expect(withLogprobs.tokens).toEqual(plain.tokens);
    for (const event of withLogprobs.all)
      if (event.type === "token") {
        expect(event.logprob?.top).toHaveLength(3);
        expect(event.logprob?.top[0]?.token).toBe(event.token);
        expect(event.logprob?.logprob).toBeLessThan(0);
      }
    expect(plain.done).toMatchObject({ finishReason: "length", promptTokens: 40, completionTokens: 12 });
  });

  test("a second turn computes only what is new, with the same result", async () => {
    const first = await generate({ cachePrompt: false });
    const history = [...prompt, ...first.tokens.slice(0, 5), 17, 18];
    const second = await generate({ promptTokens: history });
    expect(second.all[0]).toMatchObject({ type: "prompt", cachedTokens: 45 });
    expect(second.done.timings.promptTokens).toBe(2);
    const fresh = await generate({ promptTokens: history, cachePrompt: false });
    expect(fresh.all[0]).toMatchObject({ type: "prompt", cachedTokens: 0 });
    expect(fresh.tokens).toEqual(second.tokens);
  });

  test("steps computed beyond a stop or an abort leave no trace", async () => {
    const whole = await generate();
    const at = whole.tokens.findIndex((token, i) => i > 3 && whole.tokens.indexOf(token) === i);
    const stopToken = whole.tokens[at]!;
    const stopped = await generate({ stopTokens: [stopToken] });
    expect(stopped.tokens).toEqual(whole.tokens.slice(0, at));
    const next = [...prompt, ...stopped.tokens, stopToken, 21, 22];
    const cached = await generate({ promptTokens: next });
    // Up to the stop token, whose step was under way when it became known.
    expect(cached.all[0]).toMatchObject({ type: "prompt", cachedTokens: prompt.length + at + 1 });

    const abort = new AbortController();
    const aborted = async () => {
      for await (const event of loaded.engine.generate(request({ promptTokens: next, signal: abort.signal })))
        if (event.type === "token") abort.abort();
    };
    await expect(aborted()).rejects.toMatchObject({ code: "aborted" });
    const afterAbort = await generate({ promptTokens: next });
    const fresh = await generate({ promptTokens: next, cachePrompt: false });
    expect(fresh.all[0]).toMatchObject({ type: "prompt", cachedTokens: 0 });
    expect(cached.tokens).toEqual(fresh.tokens);
    expect(afterAbort.tokens).toEqual(fresh.tokens);
  });

  test("prompt log-probabilities agree with those of generated tokens", async () => {
    const generated = await generate({ topLogprobs: 2 });
    const echoed = await generate({
      promptTokens: [...prompt, ...generated.tokens],
      maxTokens: 0,
      promptLogprobs: true,
      topLogprobs: 2,
    });
    const [first] = echoed.all;
    if (first?.type !== "prompt" || !first.logprobs) throw new Error("no prompt log-probabilities");
    expect(first.logprobs).toHaveLength(52);
    expect(first.logprobs[0]).toBeNull();
    generated.all.forEach((event, i) => {
      if (event.type !== "token") return;
      const echo = first.logprobs![prompt.length + i - 1]!;
      expect(echo.token).toBe(event.token);
      expect(Math.abs(echo.logprob - event.logprob!.logprob)).toBeLessThan(1e-3);
    });
    expect(echoed.tokens).toEqual([]);
  });

  test("seeds repeat; stop tokens, stop strings and the context's end finish", async () => {
    const sampling = { ...defaultSampling, temperature: 1.5, seed: 99 };
    const a = await generate({ sampling });
    expect((await generate({ sampling })).tokens).toEqual(a.tokens);
    expect((await generate({ sampling: { ...sampling, seed: 100 } })).tokens).not.toEqual(a.tokens);
    const stopToken = a.tokens.find((t, i) => i > 2 && a.tokens.indexOf(t) === i)!;
    const stopped = await generate({ sampling, stopTokens: [stopToken] });
    expect(stopped.tokens).toEqual(a.tokens.slice(0, a.tokens.indexOf(stopToken)));
    expect(stopped.done.finishReason).toBe("stop");
    const stop = a.text.slice(6, 9);
    const cut = await generate({ sampling, stopStrings: [stop] });
    expect(cut.text).toBe(a.text.slice(0, a.text.indexOf(stop)));
    expect(cut.done).toMatchObject({ finishReason: "stop", stopString: stop });
    const full = await generate({ maxTokens: undefined });
    expect(full.tokens).toHaveLength(300 - 40);
    expect(full.done.finishReason).toBe("length");
  });

  test("what is wrong with a prompt is said, and the engine goes on", async () => {
    const fail = (changes: Partial<GenerationRequest>) =>
      generate(changes).catch((error: OmniError) => error);
    expect(await fail({ promptTokens: [] })).toMatchObject({ code: "invalid_request", param: "prompt" });
    expect(await fail({ promptTokens: [1, 331] })).toMatchObject({ message: expect.stringContaining("331") });
    expect(await fail({ promptTokens: new Array(301).fill(5) })).toMatchObject({
      detail: "context_length_exceeded",
      message: expect.stringContaining("maximum context length is 300"),
    });
    expect((await generate()).tokens).toHaveLength(12);
  });

  test("an abort and a left loop take effect within a token, also in the queue", async () => {
    const abort = new AbortController();
    let count = 0;
    const aborted = async () => {
      const run = loaded.engine.generate(request({ maxTokens: 200, signal: abort.signal }));
      for await (const event of run) {
        if (event.type !== "token") continue;
        count++;
        if (count === 3) abort.abort();
      }
    };
    const waiting = new AbortController();
    const first = aborted().catch((error: OmniError) => error.code);
    const second = generate({ signal: waiting.signal }).catch((error: OmniError) => error.code);
    const third = generate();
    const { running, queued } = loaded.engine.stats().requests;
    expect(running + queued).toBe(3);
    waiting.abort();
    expect(await second).toBe("aborted");
    expect(await first).toBe("aborted");
    expect(count).toBe(3);
    expect((await third).tokens).toHaveLength(12);
    for await (const event of loaded.engine.generate(request({ maxTokens: 200 })))
      if (event.type === "token") break;
    expect(loaded.engine.stats().requests).toMatchObject({ running: 0, queued: 0 });
  });

  test("stats tell what is held", () => {
    const stats = loaded.engine.stats();
    expect(stats.model).toMatchObject({ architecture: "qwen3", contextLength: 300 });
    expect(stats.gpuBytes.total).toBe(
      stats.gpuBytes.weights + stats.gpuBytes.kvCache + stats.gpuBytes.activations,
    );
    // 2 layers, keys and values, 10 pages of 32 positions, 2 heads of 32 in f16
    expect(stats.gpuBytes.kvCache).toBe(2 * 2 * 320 * 64 * 2);
    expect(stats.dispatchesPerToken).toBeGreaterThan(10);
  });
});

describe("faults", () => {
  const load = (bytes: Uint8Array<ArrayBuffer>) =>
    loadEngine({ model: new Blob([bytes]) }).then(
      async ({ engine }) => {
        await engine.dispose();
        return undefined;
      },
      (error: OmniError) => error,
    );
  const contents = randomModelContents(model);
  const withMetadata = (key: string, value: string | number) =>
    writeGguf({
      ...contents,
      metadata: contents.metadata.map(([k, type, old]) => [k, type, k === key ? value : old]),
    });

  test("files that are no models, or none for us", async () => {
    const good = makeRandomModel(model);
    expect(await load(good)).toBeUndefined();
    expect(await load(good.slice(0, good.length - 1000))).toMatchObject({ code: "bad_model_file" });
    expect(await load(good.slice(0, 500))).toMatchObject({ code: "bad_model_file" });
    const html = new TextEncoder().encode("<!doctype html><title>Not found</title>");
    expect(await load(html)).toMatchObject({ code: "bad_model_file" });
    expect(await load(new Uint8Array(0))).toMatchObject({ code: "bad_model_file" });
    expect(await load(withMetadata("general.architecture", "mamba"))).toMatchObject({
      code: "unsupported_model",
      message: expect.stringContaining("mamba"),
    });
    expect(await load(withMetadata("qwen3.attention.head_count_kv", 3))).toMatchObject({
      code: "bad_model_file",
      param: "qwen3.attention.head_count_kv",
    });
    expect(await load(withMetadata("qwen3.feed_forward_length", 128))).toMatchObject({
      code: "bad_model_file",
      param: expect.stringContaining("ffn_"),
    });
    const missing = contents.tensors.filter(({ name }) => name !== "blk.1.attn_k_norm.weight");
    expect(await load(writeGguf({ ...contents, tensors: missing }))).toMatchObject({
      code: "bad_model_file",
      param: "blk.1.attn_k_norm.weight",
    });
    const unknownType = contents.tensors.map((t) =>
      t.name === "blk.0.ffn_up.weight" ? { ...t, type: 16 } : t,
    );
    expect(await load(writeGguf({ ...contents, tensors: unknownType }))).toBeInstanceOf(OmniError);
  });

  test("a cancelled load", async () => {
    const abort = new AbortController();
    const loading = loadEngine({
      model: new Blob([makeRandomModel(model)]),
      signal: abort.signal,
      onProgress: ({ phase }) => phase === "weights" && abort.abort(),
    });
    await expect(loading).rejects.toMatchObject({ code: "aborted" });
  });

  test("options out of range", async () => {
    const loading = (contextLength: number) =>
      loadEngine({ model: new Blob([makeRandomModel(model)]), kvCache: { contextLength } });
    await expect(loading(301)).rejects.toMatchObject({ param: "kvCache.contextLength" });
    await expect(loading(0.5)).rejects.toMatchObject({ param: "kvCache.contextLength" });
  });

  test("a lost device fails requests with a reason", async () => {
    const { engine, lost } = await loadEngine({ model: new Blob([makeRandomModel(model)]) });
    const running = collect(engine.generate(request({ maxTokens: 250 }))).catch((error: OmniError) => error);
    await engine.dispose();
    expect(await running).toMatchObject({ code: "device_lost" });
    await expect(collect(engine.generate(request()))).rejects.toMatchObject({ code: "device_lost" });
    expect(await lost).toBe("destroyed");
  });
});
