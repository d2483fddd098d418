/** The request fields that chat and completions share. Defaults are OpenAI's; names beyond OpenAI's are vLLM's. */

import { defaultSampling, type Engine, type SamplingParams } from "../engine/types.ts";
import { invalidRequest } from "../errors.ts";
import type { Tokenizer } from "../text/types.ts";
import {
  boolean,
  decimal,
  integer,
  type Json,
  list,
  nonEmptyString,
  object,
  optional,
  type Read,
} from "./fields.ts";
import { readTruncation, type Truncation } from "./truncation.ts";

const maxStopStrings = 16;
const maxChoices = 128;

export interface GenerationFields {
  sampling: SamplingParams;
  stopStrings: string[];
  stopTokens: number[];
  ignoreEos: boolean;
  skipSpecialTokens: boolean;
  /** Uses what is cached of the prompt (llama.cpp's name). */
  cachePrompt: boolean;
  truncation: Truncation;
  /** Choices per prompt. */
  n: number;
  stream: boolean;
  includeUsage: boolean;
  /** Log-probabilities name tokens `token_id:N`. */
  tokensAsIds: boolean;
}

export function tokenId({ vocabSize }: Tokenizer): Read<number> {
  return integer(0, vocabSize - 1);
}

export function readGenerationFields(
  body: Json,
  { tokenizer, contextLength }: Pick<Engine, "tokenizer" | "contextLength">,
): GenerationFields {
  const stream = optional(body, "stream", boolean) ?? false;
  return {
    sampling: readSampling(body, tokenizer),
    stopStrings: optional(body, "stop", stopStrings) ?? [],
    stopTokens: optional(body, "stop_token_ids", list(tokenId(tokenizer))) ?? [],
    ignoreEos: optional(body, "ignore_eos", boolean) ?? false,
    skipSpecialTokens: optional(body, "skip_special_tokens", boolean) ?? true,
    cachePrompt: optional(body, "cache_prompt", boolean) ?? true,
    truncation: readTruncation(body, contextLength),
    n: optional(body, "n", integer(1, maxChoices)) ?? 1,
    stream,
    includeUsage: readIncludeUsage(body, stream),
    tokensAsIds: optional(body, "return_tokens_as_token_ids", boolean) ?? false,
  };
}

function readSampling(body: Json, tokenizer: Tokenizer): SamplingParams {
  const penalty = decimal(-2, 2);
  const topK = optional(body, "top_k", integer(-1)) ?? defaultSampling.topK;
  return {
    temperature: optional(body, "temperature", decimal(0, 2)) ?? defaultSampling.temperature,
    topK: Math.max(topK, 0), // vLLM writes -1 for "all"
    topP: optional(body, "top_p", decimal(0, 1)) ?? defaultSampling.topP,
    minP: optional(body, "min_p", decimal(0, 1)) ?? defaultSampling.minP,
    seed: optional(body, "seed", integer(Number.MIN_SAFE_INTEGER)),
    repetitionPenalty:
      optional(body, "repetition_penalty", decimal(0.01, 100)) ?? defaultSampling.repetitionPenalty,
    frequencyPenalty: optional(body, "frequency_penalty", penalty) ?? defaultSampling.frequencyPenalty,
    presencePenalty: optional(body, "presence_penalty", penalty) ?? defaultSampling.presencePenalty,
    logitBias: optional(body, "logit_bias", logitBias(tokenizer)) ?? defaultSampling.logitBias,
  };
}

const stopStrings: Read<string[]> = (value, path) =>
  typeof value === "string"
    ? [nonEmptyString(value, path)]
    : list(nonEmptyString, 0, maxStopStrings)(value, path);

function logitBias({ vocabSize }: Tokenizer): Read<Map<number, number>> {
  return (value, path) => {
    const bias = new Map<number, number>();
    for (const [key, amount] of Object.entries(object(value, path))) {
      const token = /^\d{1,9}$/.test(key) ? Number(key) : Number.NaN;
      if (!(token < vocabSize))
        throw invalidRequest(
          `Invalid '${path}': keys are token ids from 0 to ${vocabSize - 1}, but one is '${key.slice(0, 40)}'.`,
          path,
          "invalid_value",
        );
      bias.set(token, decimal(-100, 100)(amount, `${path}.${key}`));
    }
    return bias;
  };
}

function readIncludeUsage(body: Json, stream: boolean): boolean {
  const options = optional(body, "stream_options", object);
  if (options === undefined) return false;
  if (!stream)
    throw invalidRequest(
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      "stream_options",
    );
  return optional(options, "include_usage", boolean, "stream_options") ?? false;
}
