/**
 * What happens to a prompt that is too long, and to an answer that fills the context. Names: `truncation` as in
 * OpenAI's Responses API, `truncate_prompt_tokens` as in vLLM, `context_shift` and `n_keep` as in llama.cpp's server.
 */

import { inSameMedia } from "../engine/mediaRows.ts";
import { invalidRequest } from "../errors.ts";
import { type ApiContext, contextLengthExceeded } from "./context.ts";
import { boolean, integer, type Json, oneOf, optional } from "./fields.ts";

export interface Truncation {
  /** Leaves out the beginning of a prompt that does not fit. */
  auto: boolean;
  /** Keeps only the last tokens of a prompt: so many, or with -1 as many as fit. */
  promptTokens: number | undefined;
  /** Goes on when the context is full, with the first `keep` tokens and the later half of the rest. */
  contextShift: { keep: number } | undefined;
}

/** Attention sinks: models rely on some first tokens being there (Xiao et al. 2023, arXiv:2309.17453). */
const defaultKeep = 4;

export function readTruncation(body: Json, contextLength: number): Truncation {
  const keep = optional(body, "n_keep", integer(0, contextLength - 2)) ?? defaultKeep;
  const shifts = optional(body, "context_shift", boolean) ?? false;
  const promptTokens = optional(body, "truncate_prompt_tokens", integer(-1, contextLength));
  if (promptTokens === 0)
    throw invalidRequest(
      "Invalid 'truncate_prompt_tokens': expected -1 (as many as fit) or at least 1, but got 0.",
      "truncate_prompt_tokens",
      "invalid_value",
    );
  return {
    auto: optional(body, "truncation", oneOf("auto", "disabled")) === "auto",
    promptTokens,
    contextShift: shifts ? { keep: Math.min(keep, contextLength - 2) } : undefined,
  };
}

/**
 * Tokens that a prompt may have where it is made to fit: what the answer is to have at most is kept free, or a quarter
 * of the context where nothing is asked, but no more than half of it.
 */
export function promptRoom(contextLength: number, wanted: number | undefined): number {
  const reserved = Math.min(wanted ?? Math.ceil(contextLength / 4), Math.floor(contextLength / 2));
  return Math.max(contextLength - reserved, 1);
}

/** The end of a prompt, where that is asked for. No picture is cut in two: it goes if its first tokens do. */
export function truncateTokens(
  tokens: number[],
  { auto, promptTokens }: Truncation,
  contextLength: number,
  wanted: number | undefined,
): number[] {
  const room = promptRoom(contextLength, wanted);
  const kept = promptTokens === -1 || (promptTokens === undefined && auto) ? room : promptTokens;
  let start = Math.max(0, tokens.length - (kept ?? tokens.length));
  while (start > 0 && start < tokens.length && inSameMedia(tokens[start - 1]!, tokens[start]!)) start++;
  return tokens.slice(start);
}

/**
 * How many tokens may follow a prompt: `wanted`, cut to what the context has left. No limit where the context shifts.
 * @throws OmniError `invalid_request` with `context_length_exceeded` where nothing is left
 */
export function fitMaxTokens(
  { engine }: ApiContext,
  promptLength: number,
  wanted: number | undefined,
  param: "messages" | "prompt",
  { contextShift }: Truncation,
): number | undefined {
  const left = engine.contextLength - promptLength;
  if (left < 0 || (left === 0 && wanted !== 0)) throw contextLengthExceeded(engine, promptLength, param);
  return contextShift ? wanted : Math.min(wanted ?? left, left);
}
