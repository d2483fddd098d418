/** GGUF metadata of OpenAI's vocabularies, which are lists of tokens by rank (tiktoken): Whisper's, and those of tests. */

import { spellBytes } from "./byteLevel.ts";

/** A token: its text, or its bytes where they are no UTF-8. */
export type RankedToken = string | Iterable<number>;

const utf8 = new TextEncoder();

/**
 * @param rule `tokenizer.ggml.pre`
 * @param controlTokens texts of further tokens, numbered after the ranked ones
 */
export function metadataFromRanks(
  ranks: readonly RankedToken[],
  rule: string,
  controlTokens: readonly string[] = [],
): Map<string, unknown> {
  const tokens = ranks.map((token) => spellBytes(typeof token === "string" ? utf8.encode(token) : token));
  const known = new Set(tokens);
  // OpenAI's algorithm merges whatever neighbours form a token, lowest rank first; so each way to cut a token
  // into two others is a merge of its rank.
  const merges: string[] = [];
  for (const token of tokens) {
    for (let cut = 1; cut < token.length; cut++) {
      const left = token.slice(0, cut);
      const right = token.slice(cut);
      if (known.has(left) && known.has(right)) merges.push(`${left} ${right}`);
    }
  }
  return new Map<string, unknown>([
    ["tokenizer.ggml.model", "gpt2"],
    ["tokenizer.ggml.pre", rule],
    ["tokenizer.ggml.tokens", [...tokens, ...controlTokens]],
    ["tokenizer.ggml.token_type", [...tokens.map(() => 1), ...controlTokens.map(() => 3)]],
    ["tokenizer.ggml.merges", merges],
    ["tokenizer.ggml.add_bos_token", false],
  ]);
}
