/** What `api/` asks of the engine, and what it gets back. */

import { OmniError } from "../errors.ts";
import type { Tokenizer } from "../text/types.ts";
import type { MediaEncoder } from "./media/mediaEncoder.ts";

/** How the next token is drawn. Names and meanings follow OpenAI and vLLM. */
export interface SamplingParams {
  /** 0 is greedy. */
  temperature: number;
  /** Keep the k most probable tokens; 0 keeps all. */
  topK: number;
  /** Keep the smallest set whose probability reaches p; 1 keeps all. */
  topP: number;
  /** Keep tokens at least this fraction of the most probable one's probability; 0 keeps all. */
  minP: number;
  /** Same seed, same output on the same adapter. A random one where undefined. */
  seed: number | undefined;
  /** Divides (positive) or multiplies (negative) logits of tokens seen in prompt or output; 1 is off. */
  repetitionPenalty: number;
  /** Subtracted per occurrence in the output; 0 is off. */
  frequencyPenalty: number;
  /** Subtracted once for tokens in the output; 0 is off. */
  presencePenalty: number;
  /** Added to the logits of these token ids. */
  logitBias: ReadonlyMap<number, number>;
}

export const defaultSampling: SamplingParams = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  seed: undefined,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  logitBias: new Map(),
};

/**
 * Which tokens may come next: a grammar, forced tokens, a budget for thinking. The engine asks for the mask before each
 * draw, best while the GPU computes the logits, and reports what was drawn. End tokens are masked like all others: one
 * is allowed exactly where the text may end.
 */
export interface TokenConstraint {
  /**
   * The tokens that may be drawn next, (ceil(V/32)): bit `token & 31` of word `token >> 5`; undefined allows all. At
   * least one bit is set. Costs nothing when asked again before `accept`; the array is shared and must not be written.
   * @throws OmniError `invalid_request` where the grammar turns out too costly, or no token can spell what must follow
   */
  mask(): Uint32Array | undefined;
  /** Moves on by a token that the mask allows (an end token: the text ended). */
  accept(token: number): void;
  /** Nothing but an end token may follow: the generation is complete and stops without drawing one. */
  readonly done: boolean;
  /** A copy that goes its own way from here, for sequences that share their beginning. */
  fork(): TokenConstraint;
  dispose(): void;
}

/** Most alternatives that a request may ask for, for each token. */
export const maxTopLogprobs = 64;

export interface GenerationRequest {
  /** At least one token, at most `contextLength`. */
  promptTokens: readonly number[];
  /** Most tokens to generate; undefined means up to the context's end. 0 only evaluates the prompt. */
  maxTokens: number | undefined;
  sampling: SamplingParams;
  /** The text ends before the first of these. */
  stopStrings: readonly string[];
  /** Tokens that end the generation besides the tokenizer's own `endTokens`. */
  stopTokens: readonly number[];
  /** Goes on past end tokens. */
  ignoreEos: boolean;
  /** Leaves control tokens out of the text. @default true */
  skipSpecialTokens?: boolean;
  /** The text goes on where the prompt's text ends, instead of starting anew. @default false */
  continuation?: boolean;
  /**
   * When the context is full, goes on with its first `keep` tokens and the later half of the others, computed anew.
   * Without it, the context's end is the answer's.
   */
  contextShift?: { keep: number } | undefined;
  /** Uses what is cached of the prompt. Without it, rounding does not depend on earlier requests. @default true */
  cachePrompt?: boolean;
  /** Alternatives to report for each generated token (0: only the chosen one); undefined: none. */
  topLogprobs: number | undefined;
  /** Also report the prompt's own log-probabilities (for `echo`). */
  promptLogprobs: boolean;
  /**
   * Makes what limits the tokens of this generation; called once, its result disposed of by the engine. The prompt is
   * not part of what it sees.
   */
  constraint?: (() => TokenConstraint | Promise<TokenConstraint>) | undefined;
  signal: AbortSignal | undefined;
}

/** Natural-log probabilities of the model's own distribution, before temperature and penalties. */
export interface TokenLogprob {
  token: number;
  logprob: number;
  /** The most probable alternatives, best first. */
  top: { token: number; logprob: number }[];
}

/** @throws OmniError `aborted` once the signal has fired */
export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new OmniError("aborted", "The request was cancelled.");
}

export type FinishReason = "stop" | "length";

export interface Timings {
  /** Prompt tokens computed in this request, and how long that took. */
  promptTokens: number;
  promptMs: number;
  /** Generated tokens, and how long decoding took. */
  predictedTokens: number;
  predictedMs: number;
}

export type GenerationEvent =
  /** Once, when the prompt has been computed. `logprobs[0]` is null: nothing comes before it. */
  | { type: "prompt"; cachedTokens: number; logprobs: (TokenLogprob | null)[] | undefined }
  /** Per token. `text` is what became certain with it: may be empty (half a character, a possible stop string). */
  | { type: "token"; token: number; text: string; logprob: TokenLogprob | undefined }
  /** Once, last. `text` is what was held back. `stopString`: the one that ended it, if one did. */
  | {
      type: "done";
      text: string;
      finishReason: FinishReason;
      stopString: string | undefined;
      promptTokens: number;
      completionTokens: number;
      timings: Timings;
    };

/** How long something took: a histogram since the start, and percentiles of what came last. */
export interface DurationStats {
  count: number;
  sumMs: number;
  /** Of the last 512; 0 while there are none. */
  recent: { p50Ms: number; p90Ms: number; p99Ms: number; maxMs: number };
  /** How many took at most `leMs`, as in Prometheus: cumulative, without the last bucket (`count`). */
  buckets: { leMs: number; count: number }[];
}

export interface TuningStats {
  /** Turned off; waiting for a quiet moment; measuring; all measured and in use; given up, as the engine ended or failed. */
  state: "off" | "waiting" | "running" | "done" | "stopped";
  /** The variants in use, by kernel, weight type, shape and inputs. */
  chosen: Record<string, object>;
  /** Variants that do not work on this adapter, or compute something else. */
  rejected: { key: string; variant: object; reason: string }[];
}

export interface EngineStats {
  adapter: { name: string; software: boolean; f16: boolean; subgroups: boolean };
  model: {
    id: string;
    architecture: string;
    parameters: number;
    contextLength: number;
    weightTypes: Record<string, number>;
  };
  /** Bytes of GPU buffers by owner. */
  gpuBytes: { weights: number; kvCache: number; activations: number; total: number };
  /** Dispatches of one decode step. */
  dispatchesPerToken: number;
  /** Steps submitted since the start, and the engine's own time on the CPU to encode, submit and read them back. */
  steps: { count: number; cpuMs: number };
  /** `used`: held by requests; `cached`: kept for prompts that begin alike, given up when needed; `free`: empty. */
  kvPages: { total: number; used: number; cached: number; free: number; pageSize: number };
  requests: {
    /** Being computed now. */
    running: number;
    /** Waiting for a place or for pages, those included that were preempted. */
    queued: number;
    /** Since the start: all that ended, and among these the complete, the cut off, the cancelled and the failed. */
    finished: number;
    stop: number;
    length: number;
    cancelled: number;
    failed: number;
    /** Refused because the queue was full. Not among the finished. */
    rejected: number;
    /** How often a running request gave up its pages for an older one, to be computed again later. */
    preemptions: number;
  };
  /** Since the start: prompt tokens computed, prompt tokens found in the cache, tokens generated. */
  tokens: { prompt: number; cached: number; generated: number };
  /**
   * `lookups`, `hits`: prompts looked up and those of which something was found; `queriedTokens`: all tokens of the
   * former (`tokens.cached` of them were found); `evictions`: pages given up.
   */
  prefixCache: { lookups: number; hits: number; queriedTokens: number; evictions: number };
  latency: {
    /** From arrival to the first computation. */
    queue: DurationStats;
    /** From arrival to the first token. */
    timeToFirstToken: DurationStats;
    /** Between a request's tokens. */
    timePerToken: DurationStats;
    /** The mean of that over each complete request of two tokens or more. */
    meanTimePerToken: DurationStats;
    /** From arrival to the last token, of complete requests. */
    request: DurationStats;
    /** Of a step that computes a part of a prompt: what it may add to the time between others' tokens. */
    promptChunk: DurationStats;
  };
  scheduler: { maxRunning: number; maxQueued: number; stepsInFlight: number };
  tuning: TuningStats;
  /** Of models that hear: the audio of all complete requests. */
  audio?: { seconds: number };
}

/** One loaded model, ready to generate. */
export interface Engine {
  readonly modelId: string;
  readonly tokenizer: Tokenizer;
  /** Most positions a sequence can hold (prompt and answer together). */
  readonly contextLength: number;
  /** Requests that are computed at once; more wait. */
  readonly maxRunning: number;
  /** Encodes pictures and sounds for prompts, where the model takes any. */
  readonly media?: MediaEncoder | undefined;
  /** What numbers depend on besides a request and its seed: the model, the adapter, the kernels. */
  readonly fingerprint: string;
  /**
   * Generates from a prompt, together with other requests. Leaving the loop or aborting the signal cancels at once.
   * @throws OmniError `invalid_request` (prompt empty or too long), `queue_full`, `aborted`, `device_lost`
   */
  generate(request: GenerationRequest): AsyncGenerator<GenerationEvent, void, void>;
  stats(): EngineStats;
  dispose(): Promise<void>;
}
