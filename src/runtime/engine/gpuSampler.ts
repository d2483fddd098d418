/** Sampling on the GPU for many requests at once: what each needs lies in a slot; a step names the slots of its rows. */

import { sample } from "../../kernels/sample.ts";
import {
  givenToken,
  maxBiases,
  paramWord,
  paramWords,
  resultHead,
  resultWord,
  type SampleLayout,
  type SampleSizes,
  sampleLayout,
  status,
} from "../../kernels/sampleLayout.ts";
import { packParams, singleBits } from "../../kernels/sampleParams.ts";
import { invalidRequest, OmniError } from "../errors.ts";
import { BufferArena } from "../gpu/buffers.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Recording } from "../gpu/recording.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { isMediaToken } from "./mediaRows.ts";
import { randomSeed, seedKey } from "./random.ts";
import { logprobOf } from "./sampler.ts";
import type { SamplingParams, TokenLogprob } from "./types.ts";

export { givenToken };

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

export class GpuSampler {
  /** (slots) u32: the token last drawn for each slot. */
  readonly sampled: Tensor;
  /** (maxOutputs, words) u32, for {@link parse}; the first `resultBytes(rows)` bytes are those of a step. */
  readonly results: Tensor;
  private readonly sizes: SampleSizes;
  private readonly layout: SampleLayout;
  private readonly arena: BufferArena;
  private readonly params: Tensor;
  private readonly masks: Tensor;
  private readonly state: Tensor;
  private readonly adjusted: Tensor;
  private readonly chunks: Tensor;
  private readonly free: number[];

  /** @throws OmniError `unsupported_adapter` where the vocabulary or a buffer is too large */
  constructor(
    private readonly gpu: Gpu,
    private readonly options: GpuSamplerOptions,
  ) {
    const { vocab, slots, maxOutputs, maxTopLogprobs, contextLength } = options;
    this.sizes = { vocab, slots, maxTopLogprobs, listTokens: contextLength };
    this.layout = sampleLayout(this.sizes, gpu.software);
    const { maskWords, stateWords, resultWords, chunkCount, chunkWords } = this.layout;
    this.arena = new BufferArena(gpu, "sampling");
    this.params = this.arena.tensor("params", "u32", [slots, paramWords]);
    this.masks = this.arena.tensor("masks", "u32", [slots, maskWords]);
    this.state = this.arena.tensor("state", "u32", [stateWords]);
    this.adjusted = this.arena.tensor("adjusted", "u32", [maxOutputs, vocab]);
    this.chunks = this.arena.tensor("chunks", "u32", [maxOutputs, chunkCount, chunkWords]);
    this.results = this.arena.tensor("results", "u32", [maxOutputs, resultWords]);
    this.sampled = { ...this.state, shape: [slots], sizeBytes: this.layout.listsStart * 4 };
    this.free = Array.from({ length: slots }, (_, i) => slots - 1 - i);
  }

  /**
   * Takes a slot for a request and writes its parameters. Steps submitted before are not affected. A random seed is
   * taken where `params.seed` is undefined: set it for a request that may be closed and go on later.
   * @throws OmniError `invalid_request` where there are too many biases; `internal_error` without a free slot
   */
  open(params: SamplingParams, promptTokens: readonly number[], options: OpenOptions = {}): number {
    const biases = [...params.logitBias].filter(([token]) => token < this.options.vocab);
    if (biases.length > maxBiases)
      throw invalidRequest(
        `'logit_bias' has ${biases.length} tokens; at most ${maxBiases} are supported.`,
        "logit_bias",
      );
    const slot = this.free.pop();
    if (slot === undefined)
      throw new OmniError("internal_error", `All ${this.options.slots} sampling slots are taken.`);
    const { listsStart, listWords, biasWords } = this.layout;
    const prompt =
      params.repetitionPenalty === 1
        ? []
        : [...new Set(promptTokens)].filter((token) => !isMediaToken(token));
    const drawn = options.drawn ?? [];
    const start = listsStart + slot * listWords;
    const tokens = Uint32Array.from([...prompt, ...drawn]).subarray(0, this.sizes.listTokens);
    this.write(this.state, start + biasWords, tokens);
    const pairs = biases.flatMap(([token, bias]) => [token, singleBits(bias)]);
    this.write(this.state, start, Uint32Array.from(pairs));
    const facts = {
      seedKey: seedKey(params.seed ?? randomSeed()),
      promptCount: prompt.length,
      biasCount: biases.length,
      topLogprobs: options.topLogprobs,
    };
    this.write(this.params, slot * paramWords, packParams(params, facts));
    return slot;
  }

  /** Frees a slot. Tokens drawn beyond the end need not be taken back: counts follow from `rowDraws`. */
  close(slot: number): void {
    if (!(slot >= 0 && slot < this.options.slots) || this.free.includes(slot))
      throw new OmniError("internal_error", `Sampling slot ${slot} is not open.`);
    this.free.push(slot);
  }

  /**
   * Tokens that may be drawn from the next submitted step on: bit i % 32 of word i / 32. Missing words allow none;
   * undefined allows all.
   */
  setMask(slot: number, mask: Uint32Array | undefined): void {
    const { maskWords } = this.layout;
    if (mask) {
      const words = new Uint32Array(maskWords);
      words.set(mask.subarray(0, maskWords));
      this.write(this.masks, slot * maskWords, words);
    }
    this.write(this.params, slot * paramWords + paramWord.masked, Uint32Array.of(mask ? 1 : 0));
  }

  /** Two dispatches behind the logits. Each row that names a slot draws a token, which goes to `sampled` and `results`. */
  record(rec: Recording, { logits, rowSlots, rowDraws }: SampleInputs, label: string): void {
    const { params, masks, state, adjusted, chunks, results, sizes } = this;
    const rows = { of: "outputs" } as const;
    const buffers = { params, masks, state, adjusted, chunks, results };
    sample(rec, { logits, rowSlots, rowDraws, ...buffers, sizes, rows }, label);
  }

  resultBytes(rows: number): number {
    return rows * this.layout.resultWords * 4;
  }

  /** One entry a row; undefined for rows without a slot. */
  parse(results: ArrayBuffer, rows: number): (SampledRow | undefined)[] {
    const { resultWords } = this.layout;
    return Array.from({ length: rows }, (_, row) =>
      parseRow(new Uint32Array(results, row * resultWords * 4, resultWords)),
    );
  }

  get sizeBytes(): number {
    return this.arena.sizeBytes;
  }

  destroy(): void {
    this.arena.destroy();
  }

  private write(tensor: Tensor, word: number, words: Uint32Array<ArrayBuffer>): void {
    if (words.length > 0) this.gpu.device.queue.writeBuffer(tensor.buffer, word * 4, words);
  }
}

function parseRow(words: Uint32Array<ArrayBuffer>): SampledRow | undefined {
  if (words[resultWord.resultStatus] === status.statusNone) return undefined;
  const isDrawn = words[resultWord.resultStatus] === status.statusDrawn;
  const token = words[resultWord.resultToken]!;
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const sum = floats[resultWord.resultSum]!;
  const logprob = (logit: number) => logprobOf(logit, floats[resultWord.resultLargest]!, sum);
  const top = Array.from({ length: words[resultWord.resultAlternatives]! }, (_, i) => ({
    token: words[resultHead + 2 * i]!,
    logprob: logprob(floats[resultHead + 2 * i + 1]!),
  }));
  return {
    token: isDrawn ? token : undefined,
    // A sum is at least 1; 0 says that none was asked for.
    logprob: sum > 0 ? { token, logprob: logprob(floats[resultWord.resultChosen]!), top } : undefined,
  };
}
