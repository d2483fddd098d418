/** A chat template for tests, for the tokenizer of one token per byte. */

import { fakeTokenizer } from "../../text/testing/fakeTokenizer.ts";
import type { ChatTemplate } from "../../text/types.ts";

export * from "../../text/testing/fakeTokenizer.ts";

/** `<|start|>role: content<|end|>` per message; `tools` and other variables are written before them. */
export const fakeTemplate: ChatTemplate = {
  source: "{{ tools }} {{ messages }}",
  text(messages, { addGenerationPrompt = true, tools, variables } = {}) {
    const before = [tools, variables].map((value) => (value ? JSON.stringify(value) : "")).join("");
    const turns = messages.map(({ role, content, tool_calls }) => {
      const calls = tool_calls ? JSON.stringify(tool_calls) : "";
      return `<|start|>${role}: ${content ?? ""}${calls}<|end|>`;
    });
    return before + turns.join("") + (addGenerationPrompt ? "<|start|>assistant: " : "");
  },
  tokens: (messages, options) =>
    fakeTokenizer.encode(fakeTemplate.text(messages, options), { special: true }),
};
