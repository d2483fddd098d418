/** A model without a mind: draws any token that a constraint allows. */

import type { TokenConstraint } from "../../engine/types.ts";
import type { Tokenizer } from "../../text/types.ts";
import { pick } from "./random.ts";

export interface Generated {
  text: string;
  tokens: number[];
  finished: boolean;
}

/**
 * Draws up to `most` tokens. Half of the time only tokens that close something, where any is allowed: else a text is in
 * a string most of the time, and few come to an end.
 */
export function generate(
  constraint: TokenConstraint,
  tokenizer: Tokenizer,
  random: () => number,
  most: number,
): Generated {
  const tokens: number[] = [];
  let finished = false;
  while (tokens.length < most && !finished) {
    if (constraint.done) {
      finished = true;
      break;
    }
    const allowed = tokensOf(constraint.mask(), tokenizer.vocabSize);
    const closing = random() < 0.5 ? allowed.filter((token) => isClosing(tokenizer, token)) : [];
    const token = pick(random, closing.length > 0 ? closing : allowed);
    constraint.accept(token);
    if (tokenizer.endTokens.has(token)) finished = true;
    else tokens.push(token);
  }
  return { text: tokenizer.decode(tokens), tokens, finished: finished || constraint.done };
}

export function tokensOf(mask: Uint32Array | undefined, vocabSize: number): number[] {
  const tokens: number[] = [];
  for (let token = 0; token < vocabSize; token++)
    if (mask === undefined || (mask[token >> 5]! >>> (token & 31)) & 1) tokens.push(token);
  return tokens;
}

function isClosing(tokenizer: Tokenizer, token: number): boolean {
  if (tokenizer.endTokens.has(token)) return true;
  const bytes = tokenizer.tokenBytes(token);
  return bytes.length < 5 && ["}", "]", '"', ","].includes(String.fromCharCode(bytes.at(-1) ?? 0));
}
