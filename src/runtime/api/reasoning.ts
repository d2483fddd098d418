/**
 * Models that reason write it between think tags before they answer. The fields of a request that steer it, as vLLM and
 * OpenAI name them, and what they mean for the prompt.
 */

import { invalidRequest } from "../errors.ts";
import { closeTag, openTag } from "../text/thinkTags.ts";
import type { ApiContext } from "./context.ts";
import { boolean, integer, type Json, object, oneOf, optional } from "./fields.ts";
import { type ChatPromptOptions, chatPrompt } from "./prompt.ts";

/** Most tokens of reasoning; undefined: as many as the model likes. */
const budgets = { none: 0, minimal: 128, low: 512, medium: 2048, high: undefined } as const;

export interface ReasoningPlan {
  promptTokens: number[];
  /** See `ChatPrompt`. */
  release(): void;
  /** Undefined: the model has no think tags, its text is the answer. */
  thinking:
    | {
        /** The prompt ends within the tags. */
        opened: boolean;
        /** Most tokens before the engine closes the tag. */
        budget: number | undefined;
        /** Reasoning is told apart from the answer. */
        separate: boolean;
        /** Reasoning is part of the response. */
        include: boolean;
      }
    | undefined;
}

/** The prompt of a chat request, and how its answer will reason. */
export async function readReasoning(
  context: ApiContext,
  body: Json,
  options: ChatPromptOptions,
): Promise<ReasoningPlan> {
  const effort = optional(body, "reasoning_effort", oneOf("none", "minimal", "low", "medium", "high"));
  const asked = optional(body, "thinking_token_budget", integer(0));
  const include = optional(body, "include_reasoning", boolean) ?? true;
  const separate = optional(body, "separate_reasoning", boolean) ?? true;
  if (effort !== undefined && asked !== undefined)
    throw invalidRequest(
      "Only one of 'reasoning_effort' and 'thinking_token_budget' may be given.",
      "thinking_token_budget",
    );
  const budget = asked ?? (effort && budgets[effort]);
  const { chatTemplate, engine } = context;
  const { tokenizer } = engine;
  const { source } = chatTemplate;
  if (!source.includes(closeTag) && !tokenizer.specialTokens.has(closeTag)) {
    const { tokens, release } = await chatPrompt(context, body, options);
    return { promptTokens: tokens, release, thinking: undefined };
  }

  const variables = optional(body, "chat_template_kwargs", object);
  const isOff =
    budget === 0 && /\benable_thinking\b/.test(source) && variables?.enable_thinking === undefined;
  const { tokens: promptTokens, release } = await chatPrompt(
    context,
    isOff ? { ...body, chat_template_kwargs: { ...variables, enable_thinking: false } } : body,
    options,
  );
  const startsAnswer = optional(body, "add_generation_prompt", boolean) ?? true;
  const last = promptTokens.slice(-32).filter((token) => token < tokenizer.vocabSize);
  const end = tokenizer.decode(last, { skipSpecial: false }).trimEnd();
  let opened = startsAnswer && end.endsWith(openTag);
  const closed = end.endsWith(closeTag);
  if (budget === 0 && startsAnswer && !closed) {
    const block = `${opened ? "" : `${openTag}\n`}\n${closeTag}\n\n`;
    promptTokens.push(...tokenizer.encode(block, { special: true }));
    opened = false;
  }
  return { promptTokens, release, thinking: { opened, budget, separate, include } };
}
