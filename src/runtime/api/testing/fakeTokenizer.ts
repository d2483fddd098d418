/** A tokenizer for tests: one token per UTF-8 byte, and three control tokens. */

import type { ChatTemplate, Tokenizer } from "../../text/types.ts";

const controls = ["<|start|>", "<|end|>", "<|text|>"];
export const startToken = 256;
export const endToken = 257;
export const bosToken = 258;
const names = new Map(controls.map((name, i) => [name, 256 + i]));
const utf8 = new TextEncoder();

export const fakeTokenizer: Tokenizer = {
  vocabSize: 259,
  bosToken,
  eosToken: endToken,
  endTokens: new Set([endToken]),
  addBos: false,
  specialTokens: names,
  encode(text, { special = false } = {}) {
    const parts = special ? text.split(/(<\|(?:start|end|text)\|>)/) : [text];
    return parts.flatMap((part) =>
      special && names.has(part) ? [names.get(part)!] : [...utf8.encode(part)],
    );
  },
  decode(tokens, options) {
    const stream = fakeTokenizer.stream(options);
    return tokens.map((token) => stream.push(token)).join("") + stream.flush();
  },
  tokenBytes: (token) => (token < 256 ? Uint8Array.of(token) : utf8.encode(controls[token - 256])),
  isSpecial: (token) => token >= 256,
  stream({ skipSpecial = true } = {}) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return {
      push: (token) =>
        token < 256
          ? decoder.decode(Uint8Array.of(token), { stream: true })
          : decoder.decode() + (skipSpecial ? "" : controls[token - 256]),
      flush: () => decoder.decode(),
    };
  },
};

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
