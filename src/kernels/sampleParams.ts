/** How a token is drawn, and the words by which the kernels of `sample` know it. */

import { flag, fractionBits, octaves, paramWord, paramWords } from "./sampleLayout.ts";

/** Names and meanings follow OpenAI and vLLM. */
export interface SampleParams {
  /** Below 1e-5: the best token (as in vLLM). */
  temperature: number;
  /** 0 keeps all. */
  topK: number;
  /** 1 keeps all. */
  topP: number;
  /** 0 keeps all. */
  minP: number;
  /** 1 is off. */
  repetitionPenalty: number;
  /** 0 is off. */
  frequencyPenalty: number;
  /** 0 is off. */
  presencePenalty: number;
  /** Token ids to what is added to their logits. */
  logitBias: ReadonlyMap<number, number>;
}

/** Whether the best token is the answer. */
export function isGreedy({ temperature }: SampleParams): boolean {
  return temperature < 1e-5;
}

export function hasPenalties({
  repetitionPenalty,
  frequencyPenalty,
  presencePenalty,
}: SampleParams): boolean {
  return repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
}

/** As an f32; those below its normal range are 0, as on GPUs. */
export function single(value: number): number {
  const rounded = Math.fround(value);
  return Math.abs(rounded) < 2 ** -126 ? 0 : rounded;
}

/** Bits of {@link single}. */
export function singleBits(value: number): number {
  return new Uint32Array(Float32Array.of(single(value)).buffer)[0]!;
}

/** log2(e) / temperature as an f32: from logits to places. */
export function placeScale({ temperature }: SampleParams): number {
  return Math.fround(Math.LOG2E / temperature);
}

/** top-p in units of 2^-32. */
export function topPShare({ topP }: SampleParams): number {
  return Math.min(Math.max(Math.round(topP * 2 ** 32), 0), 2 ** 32 - 1);
}

/** min-p as a distance of places below the best one, in units of 2^-fractionBits. */
export function minPDistance({ minP }: SampleParams): number {
  return Math.floor(Math.min(Math.max(-Math.log2(minP), 0), octaves) * 2 ** fractionBits);
}

/** What else a slot's words say. */
export interface SlotFacts {
  seedKey: number;
  /** Distinct tokens of the prompt in the slot's list. */
  promptCount: number;
  biasCount: number;
  /** Alternatives with log-probabilities; undefined: no log-probabilities. */
  topLogprobs: number | undefined;
}

/** The words of a slot without a mask. */
export function packParams(params: SampleParams, facts: SlotFacts): Uint32Array<ArrayBuffer> {
  const draws = !isGreedy(params);
  const words = new Uint32Array(paramWords);
  const flags: [boolean, number][] = [
    [draws, flag.flagDraws],
    [hasPenalties(params), flag.flagPenalties],
    [facts.biasCount > 0, flag.flagBias],
    [facts.topLogprobs !== undefined, flag.flagLogprobs],
    [params.topK > 0, flag.flagTopK],
    [params.topP < 1, flag.flagTopP],
    [params.minP > 0, flag.flagMinP],
  ];
  for (const [holds, bit] of flags) if (holds) words[paramWord.flags]! |= bit;
  words[paramWord.scale] = draws ? singleBits(placeScale(params)) : 0;
  words[paramWord.topK] = Math.min(params.topK, 2 ** 32 - 1);
  words[paramWord.topP] = topPShare(params);
  words[paramWord.minPDistance] = minPDistance(params);
  words[paramWord.seedKey] = facts.seedKey;
  words[paramWord.repetition] = singleBits(params.repetitionPenalty);
  words[paramWord.repetitionInverse] = singleBits(1 / params.repetitionPenalty);
  words[paramWord.frequency] = singleBits(params.frequencyPenalty);
  words[paramWord.presence] = singleBits(params.presencePenalty);
  words[paramWord.promptCount] = facts.promptCount;
  words[paramWord.biasCount] = facts.biasCount;
  words[paramWord.topLogprobs] = facts.topLogprobs ?? 0;
  return words;
}
