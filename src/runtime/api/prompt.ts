/** From the fields of a chat request to prompt tokens; shared by chat completions and `/tokenize`. */

import type { ApiContext } from "./context.ts";
import { boolean, type Json, object, optional, required } from "./fields.ts";
import { messages, tools } from "./messages.ts";

export interface ChatPromptOptions {
  /** With `tools` where the template knows of them. @default true */
  withTools?: boolean;
  /** Leaves out the oldest turns until no more tokens remain than this. Default: all are kept. */
  most?: number | undefined;
}

/** Prompt tokens of `messages`. */
export function chatPrompt(
  { chatTemplate }: ApiContext,
  body: Json,
  { withTools = true, most = Number.POSITIVE_INFINITY }: ChatPromptOptions = {},
): number[] {
  const conversation = required(body, "messages", messages);
  const offered = optional(body, "tools", tools);
  const variables = optional(body, "chat_template_kwargs", object);
  const options = {
    addGenerationPrompt: optional(body, "add_generation_prompt", boolean) ?? true,
    ...(withTools && offered?.length && /\btools\b/.test(chatTemplate.source) ? { tools: offered } : {}),
    ...(variables === undefined ? {} : { variables }),
  };
  const whole = chatTemplate.tokens(conversation, options);
  if (whole.length <= most) return whole;

  // What the system says stays, and a conversation begins with a user's turn.
  const first = conversation.findIndex(({ role }) => role !== "system");
  if (first < 0) return whole;
  const starts = conversation.flatMap(({ role }, i) => (i > first && role === "user" ? [i] : []));
  const from = (start: number) => {
    const kept = [...conversation.slice(0, first), ...conversation.slice(start)];
    return chatTemplate.tokens(kept, options);
  };
  // The earliest start that fits, by halves; the last one if none does.
  let shortest = whole;
  for (let low = 0, high = starts.length - 1; low <= high; ) {
    const middle = (low + high) >> 1;
    const tokens = from(starts[middle]!);
    if (tokens.length < shortest.length && (tokens.length <= most || shortest.length > most))
      shortest = tokens;
    if (tokens.length <= most) {
      shortest = tokens;
      high = middle - 1;
    } else low = middle + 1;
  }
  return shortest;
}
