/** Where the words of sampling lie, for the kernels (as WGSL constants) and for those who fill and read its buffers. */

import { OmniError } from "../runtime/errors.ts";
import { roundUp } from "../runtime/gpu/tensor.ts";

export interface SampleSizes {
  /** V, at most 2^19. */
  vocab: number;
  /** Requests that may be open at once. */
  slots: number;
  /** Most alternatives with log-probabilities. */
  maxTopLogprobs: number;
  /** Tokens of a slot's list: the prompt's distinct ones and those drawn. */
  listTokens: number;
}

export const maxSampleVocab = 2 ** 19;
/** Biased tokens of a slot. */
export const maxBiases = 1024;

/** Parameters of a slot, a word each. */
export const paramWord = {
  flags: 0,
  /** f32: log2(e) / temperature. */
  scale: 1,
  topK: 2,
  /** In units of 2^-32. */
  topP: 3,
  /** How far below the best a token may be, in units of places. */
  minPDistance: 4,
  seedKey: 5,
  /** f32, as the three that follow. */
  repetition: 6,
  repetitionInverse: 7,
  frequency: 8,
  presence: 9,
  promptCount: 10,
  biasCount: 11,
  topLogprobs: 12,
  alwaysZero: 13,
  /** 1 where the slot's mask counts. */
  masked: 14,
} as const;
export const paramWords = 16;

export const flag = {
  /** A random choice; else the best token. */
  flagDraws: 1,
  flagPenalties: 2,
  flagBias: 4,
  flagLogprobs: 8,
  flagTopK: 16,
  flagTopP: 32,
  flagMinP: 64,
} as const;

export const status = { statusNone: 0, statusDrawn: 1, statusNoToken: 2 } as const;

/** A row of `results`; (token, bits of its logit) of each alternative follow. */
export const resultWord = {
  resultStatus: 0,
  resultToken: 1,
  resultAlternatives: 2,
  /** f32: the largest logit, the sum of exp relative to it, the logit of the token. */
  resultLargest: 3,
  resultSum: 4,
  resultChosen: 5,
} as const;
export const resultHead = 8;

/** In `rowDraws`: the other bits are a token. */
export const givenToken = 0x80000000;

/** What a chunk's record begins with; counts and weights of its bins follow. */
const chunkWord = { chunkKey: 0, chunkIndex: 1, chunkOctave: 2, plainKey: 3, plainIndex: 4, plainSum: 5 };
const headWords = 8;

/** Tokens less probable than the best by more powers of two than this are never drawn. */
export const octaves = 30;
const octaveBins = 4;
/** Bits of a place below one: places are logits over temperature, in powers of two. */
export const fractionBits = 18;
/** 2^t - 1 from 0 to 1: t, t^2, t^3 and t^4 in units of 2^-16; off by at most 1.5e-5 when computed in those. */
export const exp2Coefficients = [45417, 15830, 3391, 898] as const;

/** Bits of a weight: the sum of all in a row fits 32 bits. */
export function weightBits(vocab: number): number {
  return Math.min(16, 32 - Math.ceil(Math.log2(vocab)));
}

export interface SampleLayout {
  maskWords: number;
  /** Before the lists: `sampled` (slots). */
  listsStart: number;
  biasWords: number;
  /** Biases (token, bits of f32), then tokens. */
  listWords: number;
  stateWords: number;
  resultWords: number;
  chunkTokens: number;
  chunkCount: number;
  chunkWords: number;
}

/**
 * Sizes in words.
 * @param software whether the adapter computes on the CPU
 * @throws OmniError `unsupported_adapter` where the vocabulary is too large
 */
export function sampleLayout(sizes: SampleSizes, software: boolean): SampleLayout {
  const { vocab, slots, maxTopLogprobs, listTokens } = sizes;
  if (!(vocab <= maxSampleVocab))
    throw new OmniError(
      "unsupported_adapter",
      `A vocabulary of ${vocab} tokens is too large for sampling: at most ${maxSampleVocab}.`,
      { param: "vocab" },
    );
  const chunkTokens = software ? 8192 : 2048;
  const biasWords = 2 * maxBiases;
  const listWords = biasWords + listTokens;
  const listsStart = roundUp(slots, 64);
  return {
    maskWords: Math.ceil(vocab / 32),
    listsStart,
    biasWords,
    listWords,
    stateWords: listsStart + slots * listWords,
    resultWords: resultHead + 2 * maxTopLogprobs,
    chunkTokens,
    chunkCount: Math.ceil(vocab / chunkTokens),
    chunkWords: headWords + 2 * octaves * octaveBins,
  };
}

/** All of it as constants for WGSL. */
export function layoutConstants(sizes: SampleSizes, layout: SampleLayout): Record<string, number> {
  return {
    ...paramWord,
    ...flag,
    ...status,
    ...resultWord,
    ...chunkWord,
    ...layout,
    vocab: sizes.vocab,
    slots: sizes.slots,
    tokenWords: sizes.listTokens,
    maxTopLogprobs: sizes.maxTopLogprobs,
    paramWords,
    resultHead,
    headWords,
    givenToken,
    octaves,
    octaveBins,
    bins: octaves * octaveBins,
    fractionBits,
    orderBits: fractionBits - Math.log2(octaveBins),
    weightBits: weightBits(sizes.vocab),
  };
}
