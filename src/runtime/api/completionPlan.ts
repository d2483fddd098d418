/** Reads and validates the body of `POST /v1/completions`. */

import { invalidRequest } from "../errors.ts";
import type { GrammarSource } from "../grammar/compile.ts";
import { type ApiContext, checkModel } from "./context.ts";
import { boolean, integer, type Json, list, optional, string, unsupported, wrongType } from "./fields.ts";
import { maxLogprobs } from "./logprobs.ts";
import { type GenerationFields, readGenerationFields, tokenId } from "./sampling.ts";
import { readStructuredOutput } from "./structured.ts";
import { fitMaxTokens, truncateTokens } from "./truncation.ts";

const maxPrompts = 2048;
const maxBestOf = 128;
/** OpenAI's default for this route. */
const defaultMaxTokens = 16;

export interface Prompt {
  tokens: number[];
  /** What `echo` repeats: the string itself, or the text of the tokens. */
  text: string;
}

export interface CompletionPlan {
  fields: GenerationFields;
  prompts: (Prompt & { maxTokens: number | undefined })[];
  echo: boolean;
  logprobs: number | undefined;
  /** Choices to generate per prompt; at least `fields.n`. */
  bestOf: number;
  structured: GrammarSource | undefined;
}

export function readCompletionPlan(context: ApiContext, body: Json): CompletionPlan {
  checkModel(context, body);
  const { tokenizer, contextLength } = context.engine;
  const fields = readGenerationFields(body, context.engine);
  if (optional(body, "suffix", string)) throw unsupported("suffix", "'suffix' is not supported.");
  const wanted = optional(body, "max_tokens", integer(0)) ?? defaultMaxTokens;
  const addBos = optional(body, "add_special_tokens", boolean) ?? true;
  const prompts = readPrompts(context, body.prompt, addBos, fields.skipSpecialTokens);
  const bestOf = optional(body, "best_of", integer(1, maxBestOf)) ?? fields.n;
  if (bestOf < fields.n)
    throw invalidRequest(`'best_of' must be at least 'n' (${fields.n}), but is ${bestOf}.`, "best_of");
  return {
    fields,
    prompts: prompts.map((prompt) => {
      const tokens = truncateTokens(prompt.tokens, fields.truncation, contextLength, wanted);
      // `echo` repeats what is left.
      const text =
        tokens.length < prompt.tokens.length
          ? tokenizer.decode(tokens, { skipSpecial: fields.skipSpecialTokens })
          : prompt.text;
      const maxTokens = fitMaxTokens(context, tokens.length, wanted, "prompt", fields.truncation);
      return { tokens, text, maxTokens };
    }),
    echo: optional(body, "echo", boolean) ?? false,
    logprobs: optional(body, "logprobs", integer(0, maxLogprobs)),
    bestOf,
    structured: readStructuredOutput(body),
  };
}

/** A string, tokens, or an array of either. Strings are raw: what spells a special token becomes it. */
function readPrompts(context: ApiContext, value: unknown, addBos: boolean, skipSpecial: boolean): Prompt[] {
  const { tokenizer } = context.engine;
  if (value === undefined || value === null)
    throw invalidRequest("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter");

  const fromText = (text: string, path: string): Prompt => {
    const tokens = tokenizer.encode(text, { special: true, addBos });
    // An empty prompt starts a new document, as OpenAI's default prompt does.
    const start = tokenizer.bosToken ?? tokenizer.eosToken;
    if (tokens.length === 0 && start !== undefined) tokens.push(start);
    if (tokens.length === 0) throw invalidRequest(`'${path}' has no tokens.`, path, "empty_string");
    return { tokens, text };
  };
  const ids = list(tokenId(tokenizer), 1);
  const fromTokens = (tokens: unknown, path: string): Prompt => {
    const checked = ids(tokens, path);
    return { tokens: checked, text: tokenizer.decode(checked, { skipSpecial }) };
  };

  if (typeof value === "string") return [fromText(value, "prompt")];
  if (!Array.isArray(value)) throw wrongType("prompt", "a string or an array", value);
  if (typeof value[0] === "number") return [fromTokens(value, "prompt")];
  const one = (item: unknown, path: string) => {
    if (typeof item === "string") return fromText(item, path);
    if (Array.isArray(item)) return fromTokens(item, path);
    throw wrongType(path, "a string or an array of tokens", item);
  };
  return list(one, 1, maxPrompts)(value, "prompt");
}
