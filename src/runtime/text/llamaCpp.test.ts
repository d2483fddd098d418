/** Token ids against llama.cpp's, made by scripts/goldens/tokenizers.mjs. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createTokenizer } from "./tokenizer.ts";

interface Golden {
  llamaCpp: string;
  byteLevel: { tokens: string[]; types: number[]; merges: string[] };
  sentencePiece: { tokens: string[]; types: number[]; scores: number[] };
  texts: string[];
  /** By rule, one for each text; `special`: with special tokens found, where that is not the same. */
  ids: Record<string, ({ plain: number[]; special?: number[] } | null)[]>;
}

const golden = JSON.parse(
  readFileSync(new URL("./goldens/llamaCpp.json", import.meta.url), "utf8"),
) as Golden;

describe(`llama.cpp ${golden.llamaCpp}`, () => {
  for (const [rule, expected] of Object.entries(golden.ids)) {
    const isLlama = rule === "llama";
    const { tokens, types, ...rest } = isLlama ? golden.sentencePiece : golden.byteLevel;
    const tokenizer = createTokenizer(
      new Map<string, unknown>([
        ["tokenizer.ggml.model", isLlama ? "llama" : "gpt2"],
        ["tokenizer.ggml.pre", rule],
        ["tokenizer.ggml.tokens", tokens],
        ["tokenizer.ggml.token_type", types],
        ...Object.entries(rest).map(([name, list]) => [`tokenizer.ggml.${name}`, list] as const),
      ]),
    );
    it(rule, () => {
      let compared = 0;
      expected.forEach((ids, i) => {
        if (ids === null) return;
        const text = golden.texts[i]!;
        expect(tokenizer.encode(text), text).toEqual(ids.plain);
        expect(tokenizer.encode(text, { special: true }), text).toEqual(ids.special ?? ids.plain);
        // SentencePiece writes spaces as U+2581 and puts one after each user-defined token.
        const isLossless = !isLlama || !/<think>| {4}|\u2581/.test(text);
        if (isLossless) expect(tokenizer.decode(ids.plain)).toBe(text);
        compared++;
      });
      expect(compared).toBeGreaterThan(60);
    });
  }
});
