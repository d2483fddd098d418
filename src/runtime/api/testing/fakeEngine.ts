/**
 * An engine for tests: answers a fixed text, byte by byte, as far as the request's constraint allows it, and keeps record
 * of how it was used.
 */

import { Durations } from "../../engine/durations.ts";
import type {
  Engine,
  EngineStats,
  FinishReason,
  GenerationEvent,
  GenerationRequest,
  TokenLogprob,
} from "../../engine/types.ts";
import { OmniError } from "../../errors.ts";
import { endToken, fakeTokenizer } from "./fakeTokenizer.ts";

export interface FakeEngineOptions {
  /** The answer to the request with this number (from 0 on). */
  reply?: (index: number) => string;
  contextLength?: number;
  /** Requests that the API may run at once. @default 1 */
  maxRunning?: number;
  /** Time per token. */
  delayMs?: number;
  /** Thrown instead of the token at this position; -1: instead of the prompt's event. */
  failure?: { at: number; error: unknown };
}

/** Log-probabilities of the fake: -0.5 for what was chosen, -1, -2, … for the bytes after it. */
export function fakeLogprob(token: number, topLogprobs: number): TokenLogprob {
  const top = Array.from({ length: topLogprobs }, (_, i) => ({
    token: (token + i) % 256,
    logprob: i === 0 ? -0.5 : -i,
  }));
  return { token, logprob: -0.5, top };
}

/** The wanted token, or the first of those that are allowed. */
function allowed(wanted: number, mask: Uint32Array | undefined): number {
  const isAllowed = (token: number) => ((mask![token >> 5]! >>> (token & 31)) & 1) === 1;
  if (mask === undefined || isAllowed(wanted)) return wanted;
  return Array.from({ length: mask.length * 32 }, (_, token) => token).find(isAllowed)!;
}

export class FakeEngine implements Engine {
  readonly modelId = "fake/model-1";
  readonly tokenizer = fakeTokenizer;
  readonly contextLength: number;
  readonly maxRunning: number;
  readonly fingerprint = "fp_omnitab";
  readonly requests: GenerationRequest[] = [];
  /** Tokens made so far, over all requests. */
  produced = 0;
  /** Generations that have begun and neither finished nor been left. */
  running = 0;
  disposed = false;

  constructor(private readonly options: FakeEngineOptions = {}) {
    this.contextLength = options.contextLength ?? 1000;
    this.maxRunning = options.maxRunning ?? 1;
  }

  async *generate(request: GenerationRequest): AsyncGenerator<GenerationEvent, void, void> {
    const index = this.requests.push(request) - 1;
    const { promptTokens, topLogprobs, stopStrings, signal } = request;
    this.running++;
    try {
      this.fail(-1);
      yield {
        type: "prompt",
        cachedTokens: index === 0 ? 2 : promptTokens.length - 1,
        logprobs: request.promptLogprobs
          ? promptTokens.map((token, i) => (i === 0 ? null : fakeLogprob(token, topLogprobs ?? 0)))
          : undefined,
      };
      let reply = this.options.reply?.(index) ?? "Hello, you!";
      const stopString = stopStrings.find((stop) => reply.includes(stop));
      if (stopString !== undefined) reply = reply.slice(0, reply.indexOf(stopString));
      const wanted = this.tokenizer.encode(reply, { special: true });
      const constraint = await request.constraint?.();
      const detokenizer = this.tokenizer.stream({ skipSpecial: request.skipSpecialTokens ?? true });
      let made = 0;
      let finishReason: FinishReason = "stop";
      while (made < wanted.length || constraint) {
        if (made === request.maxTokens) {
          finishReason = "length";
          break;
        }
        const token = allowed(wanted[made] ?? endToken, constraint?.mask());
        constraint?.accept(token);
        if (token === endToken && made >= wanted.length) break;
        // Always gives way, as a GPU does.
        await new Promise((resolve) => setTimeout(resolve, this.options.delayMs ?? 0));
        if (signal?.aborted) throw new OmniError("aborted", "The request was cancelled.");
        this.fail(made);
        this.produced++;
        made++;
        const logprob = topLogprobs === undefined ? undefined : fakeLogprob(token, topLogprobs);
        yield { type: "token", token, text: detokenizer.push(token), logprob };
        if (constraint?.done) break;
      }
      yield {
        type: "done",
        text: detokenizer.flush(),
        finishReason,
        stopString,
        promptTokens: promptTokens.length,
        completionTokens: made,
        timings: {
          promptTokens: promptTokens.length - 2,
          promptMs: 10,
          predictedTokens: made,
          predictedMs: 40,
        },
      };
    } finally {
      this.running--;
    }
  }

  private fail(at: number): void {
    if (this.options.failure?.at === at) throw this.options.failure.error;
  }

  stats(): EngineStats {
    const none = new Durations().stats;
    return {
      adapter: { name: "fake", software: true, f16: false, subgroups: false },
      model: {
        id: this.modelId,
        architecture: "fake",
        parameters: 1,
        contextLength: this.contextLength,
        weightTypes: { F32: 1 },
      },
      gpuBytes: { weights: 1, kvCache: 2, activations: 3, total: 6 },
      dispatchesPerToken: 0,
      steps: { count: 0, cpuMs: 0 },
      kvPages: { total: 1, used: 0, cached: 0, free: 1, pageSize: 16 },
      requests: {
        running: this.running,
        queued: 0,
        finished: this.requests.length - this.running,
        stop: this.requests.length - this.running,
        ...{ length: 0, cancelled: 0, failed: 0, rejected: 0, preemptions: 0 },
      },
      tokens: { prompt: 0, cached: 0, generated: this.produced },
      prefixCache: { lookups: 0, hits: 0, queriedTokens: 0, evictions: 0 },
      latency: {
        ...{ queue: none, timeToFirstToken: none, timePerToken: none },
        ...{ meanTimePerToken: none, request: none, promptChunk: none },
      },
      scheduler: { maxRunning: this.maxRunning, maxQueued: 1, stepsInFlight: 0 },
      tuning: { state: "off", chosen: {}, rejected: [] },
    };
  }

  async dispose(): Promise<void> {
    this.disposed = true;
  }
}
