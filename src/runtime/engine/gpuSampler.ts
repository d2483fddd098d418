/** Sampling on the GPU for many requests at once: what each needs lies in a slot; a step names the slots of its rows. */

import type { Gpu } from "../gpu/device.ts";
import type { Recording } from "../gpu/recording.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { SamplingParams, TokenLogprob } from "./types.ts";

export interface GpuSamplerOptions {
  /** V */
  vocab: number;
  /** Requests that may be open at once. */
  slots: number;
  /** R: most output rows in one step. */
  maxOutputs: number;
  /** Most alternatives that a request may ask for. */
  maxTopLogprobs: number;
  /** Most positions of a request, prompt and output together. */
  contextLength: number;
}

/** What a row of a step asks for. */
export interface SampleInputs {
  logits: Tensor; // (R, V) f32
  /** The slot that the row is drawn for; `noSlot` where nothing is wanted. */
  rowSlots: Tensor; // (R) u32
  /** How many tokens this request has drawn before this row; or `givenToken | id`: nothing is drawn, the log-probabilities are those of this token (prompt tokens under `echo`). */
  rowDraws: Tensor; // (R) u32
}

/** In `rowSlots`: the row is left alone. */
export const noSlot = 0xffffffff;
/** In `rowDraws`: the other bits are a token. */
export const givenToken = 0x80000000;

export interface SampledRow {
  /** Undefined where no token may be drawn: the mask leaves none, or every logit is NaN or minus infinity. */
  token: number | undefined;
  /** Where the slot was opened with `topLogprobs`. */
  logprob: TokenLogprob | undefined;
}

export interface OpenOptions {
  /** Alternatives to report for each token (0: only the chosen one); undefined: no log-probabilities. */
  topLogprobs?: number | undefined;
  /** Tokens that this request has drawn already, where it goes on after having been closed. The next draw is number `drawn.length`. */
  drawn?: readonly number[];
}

export declare class GpuSampler {
  /** (slots) u32: the token last drawn for each slot. */
  readonly sampled: Tensor;
  /** (maxOutputs, words) u32: for {@link parse}; the first `resultBytes(rows)` bytes are those of a step. */
  readonly results: Tensor;
  constructor(gpu: Gpu, options: GpuSamplerOptions);
  /**
   * Takes a slot for a request and writes its parameters. Steps submitted before are not affected. A random seed is
   * taken where `params.seed` is undefined: set it for a request that may be closed and go on later.
   * @throws OmniError `invalid_request` where a parameter is beyond what the GPU holds; `internal_error` without a free slot
   */
  open(params: SamplingParams, promptTokens: readonly number[], options?: OpenOptions): number;
  /** Frees a slot. Tokens drawn beyond the end need not be taken back: counts follow from `rowDraws`. */
  close(slot: number): void;
  /** Tokens that may be drawn from the next submitted step on: bit i % 32 of word i / 32; undefined allows all. Missing words allow none. */
  setMask(slot: number, mask: Uint32Array | undefined): void;
  /** Two dispatches behind the logits. Each row that names a slot draws a token, which goes to `sampled` and `results`. */
  record(rec: Recording, inputs: SampleInputs, label: string): void;
  resultBytes(rows: number): number;
  /** One entry a row; undefined for rows without a slot. */
  parse(results: ArrayBuffer, rows: number): (SampledRow | undefined)[];
  get sizeBytes(): number;
  destroy(): void;
}
