/** Test fixture: an Omni that streams prepared answers, without a GPU. */

import type { Omni, OmniOptions, OmniStats } from "../../runtime/types.ts";
import type { ApiMessage } from "../completion.ts";

export interface FakeScript {
  /** The pieces of the answer to these messages; throwing gives a 400 with the message. */
  answer: (messages: ApiMessage[]) => readonly string[];
  /** What the model takes; without `text` it only writes down sound. Default: text. */
  inputs?: Omni["capabilities"]["input"];
  /** The pieces that a sound is written down as. */
  transcript?: readonly string[];
  /** Pieces of what it thinks before that. */
  thinking?: readonly string[];
  pieceDelayMs?: number;
  /** Bytes that loading reports, in ten steps. */
  loadBytes?: number;
  loadDelayMs?: number;
  contextLength?: number;
  modelId?: string;
}

export interface FakeOmni extends Omni {
  /** Bodies of all requests so far. */
  readonly requests: Record<string, unknown>[];
  /** Bodies of those that no answer was asked of. */
  readonly prepared: Record<string, unknown>[];
  /** Bodies of those that ask what a recording says. */
  readonly heard: Record<string, unknown>[];
  readonly disposed: boolean;
  /** Takes the device away. */
  lose(reason: string): void;
}

function pause(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
  });
}

function errorResponse(status: number, message: string, code: string): Response {
  return Response.json({ error: { message, type: "invalid_request_error", param: null, code } }, { status });
}

/** An Omni that follows the script. */
export function fakeOmni(script: FakeScript): FakeOmni {
  const requests: Record<string, unknown>[] = [];
  const prepared: Record<string, unknown>[] = [];
  const heard: Record<string, unknown>[] = [];
  let disposed = false;
  let lose: (reason: string) => void = () => undefined;
  const lost = new Promise<string>((resolve) => {
    lose = resolve;
  });
  const fetch: Omni["fetch"] = async (input, init) => {
    if (String(input).endsWith("/transcriptions")) {
      requests.push(Object.fromEntries(init?.body as FormData));
      const deltas = (script.transcript ?? []).map((delta) => ({ type: "transcript.text.delta", delta }));
      return new Response(deltas.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
    }
    const body = JSON.parse(String(init?.body)) as { messages: ApiMessage[] };
    const isAsked = String(input).endsWith("/chat/completions") && !("add_generation_prompt" in body);
    const isHeard = JSON.stringify(body.messages.at(-1)).includes('"Transcribe."');
    (isHeard ? heard : isAsked ? requests : prepared).push({ ...body });
    let pieces: readonly string[];
    try {
      pieces = isHeard ? (script.transcript ?? []) : script.answer(body.messages);
    } catch (thrown) {
      const error = thrown as Error & { code?: string };
      return errorResponse(400, error.message, error.code ?? "invalid_value");
    }
    const delay = script.pieceDelayMs ?? 0;
    const signal = init?.signal;
    async function* events() {
      for (const reasoning_content of script.thinking ?? [])
        yield { choices: [{ index: 0, delta: { reasoning_content }, finish_reason: null }] };
      for (const content of pieces) {
        await pause(delay, signal);
        yield { choices: [{ index: 0, delta: { content }, finish_reason: null }] };
      }
      yield { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
      yield {
        choices: [],
        usage: { prompt_tokens: 12, completion_tokens: pieces.length },
        timings: { predicted_per_second: 42.5 },
      };
    }
    const encoder = new TextEncoder();
    const source = events();
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const { done, value } = await source.next();
          controller.enqueue(encoder.encode(`data: ${done ? "[DONE]" : JSON.stringify(value)}\n\n`));
          if (done) controller.close();
        } catch (thrown) {
          controller.error(thrown);
        }
      },
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  };
  const noDurations = { count: 0, sumMs: 0, recent: { p50Ms: 0, p90Ms: 0, p99Ms: 0, maxMs: 0 }, buckets: [] };
  const stats: OmniStats = {
    adapter: { name: "Fake adapter", software: true, f16: false, subgroups: false },
    model: {
      id: script.modelId ?? "fake-model",
      architecture: "llama",
      parameters: 3e6,
      contextLength: script.contextLength ?? 2048,
      weightTypes: { Q8_0: 30 },
    },
    gpuBytes: { weights: 4e6, kvCache: 2e6, activations: 1e6, total: 7e6 },
    dispatchesPerToken: 60,
    steps: { count: 0, cpuMs: 0 },
    tuning: { state: "off", chosen: {}, rejected: [] },
    kvPages: { total: 64, used: 0, cached: 0, free: 64, pageSize: 32 },
    requests: {
      ...{ running: 0, queued: 0, finished: 0, stop: 0, length: 0 },
      ...{ cancelled: 0, failed: 0, rejected: 0, preemptions: 0 },
    },
    tokens: { prompt: 0, cached: 0, generated: 0 },
    prefixCache: { lookups: 0, hits: 0, queriedTokens: 0, evictions: 0 },
    latency: {
      ...{ queue: noDurations, timeToFirstToken: noDurations, timePerToken: noDurations },
      ...{ meanTimePerToken: noDurations, request: noDurations, promptChunk: noDurations },
    },
    scheduler: { maxRunning: 16, maxQueued: 256, stepsInFlight: 0 },
    load: { elapsedMs: 10, bytes: script.loadBytes ?? 0 },
  };
  const dispose = async () => {
    disposed = true;
  };
  return {
    fetch,
    capabilities: { tasks: ["chat"], input: script.inputs ?? ["text"], output: ["text"] },
    stats: async () => stats,
    lost,
    dispose,
    [Symbol.asyncDispose]: dispose,
    requests,
    prepared,
    heard,
    get disposed() {
      return disposed;
    },
    lose,
  };
}

/** A `createOmni` that loads in ten steps and gives what `make` gives for the options. */
export function fakeCreateOmni(make: (options: OmniOptions) => FakeScript) {
  const created: FakeOmni[] = [];
  const createOmni = async (options: OmniOptions): Promise<Omni> => {
    const script = make(options);
    const totalBytes = script.loadBytes ?? 1000;
    const startedMs = performance.now();
    for (let step = 0; step <= 10; step++) {
      const elapsedMs = performance.now() - startedMs;
      options.onProgress?.({
        phase: "weights",
        loadedBytes: (totalBytes * step) / 10,
        totalBytes,
        elapsedMs,
      });
      await pause((script.loadDelayMs ?? 0) / 10, options.signal);
    }
    const omni = fakeOmni(script);
    created.push(omni);
    return omni;
  };
  return { createOmni, created };
}
