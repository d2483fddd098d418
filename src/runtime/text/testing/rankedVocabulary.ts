/** GGUF metadata made of what npm's `gpt-tokenizer` ships: OpenAI's vocabularies, as lists of tokens by rank. */

/** A token: its text, or its bytes where they are no UTF-8. */
export type RankedToken = string | readonly number[];

/**
 * @param rule `tokenizer.ggml.pre`
 * @param controlTokens texts of further tokens, numbered after the ranked ones
 */
export function metadataFromRanks(
  ranks: readonly RankedToken[],
  rule: string,
  controlTokens: readonly string[] = [],
): Map<string, unknown> {
  const tokens = ranks.map((token) => spell(typeof token === "string" ? Buffer.from(token) : token));
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

/** GPT-2's printable spelling of bytes, by its definition: bytes that print stand for themselves. */
function spell(bytes: Iterable<number>): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(spelling[byte]!);
  return text;
}

const printable = [
  ..."!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~",
  ..."¡¢£¤¥¦§¨©ª«¬®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
].map((character) => character.charCodeAt(0));
const unprintable = Array.from({ length: 256 }, (_, byte) => byte).filter(
  (byte) => !printable.includes(byte),
);
const spelling = Array.from({ length: 256 }, (_, byte) =>
  printable.includes(byte) ? byte : 256 + unprintable.indexOf(byte),
);
