/** From the fields of a chat request to prompt tokens; shared by chat completions and `/tokenize`. */

import type { ApiContext } from "./context.ts";
import { boolean, type Json, object, optional, required } from "./fields.ts";
import { messages, tools } from "./messages.ts";

/** Prompt tokens of `messages`, with `tools` where the template knows of them. */
export function chatPrompt({ chatTemplate }: ApiContext, body: Json, withTools = true): number[] {
  const conversation = required(body, "messages", messages);
  const offered = optional(body, "tools", tools);
  const variables = optional(body, "chat_template_kwargs", object);
  return chatTemplate.tokens(conversation, {
    addGenerationPrompt: optional(body, "add_generation_prompt", boolean) ?? true,
    ...(withTools && offered?.length && /\btools\b/.test(chatTemplate.source) ? { tools: offered } : {}),
    ...(variables === undefined ? {} : { variables }),
  });
}
