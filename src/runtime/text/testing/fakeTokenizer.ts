/** A tokenizer for tests: one token per UTF-8 byte, and three control tokens. */

import type { Tokenizer } from "../types.ts";

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
