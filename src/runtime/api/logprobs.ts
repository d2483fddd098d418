/** Log-probabilities in the two shapes OpenAI has for them: chat and (legacy) completions. */

import type { TokenLogprob } from "../engine/types.ts";
import type { StreamingDetokenizer, Tokenizer } from "../text/types.ts";

export { maxTopLogprobs as maxLogprobs } from "../engine/types.ts";

export interface ChatTokenLogprob {
  token: string;
  logprob: number;
  bytes: number[];
}

export interface ChatLogprobs {
  content: (ChatTokenLogprob & { top_logprobs: ChatTokenLogprob[] })[];
  refusal: null;
}

export interface CompletionLogprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  text_offset: number[];
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

/** A token as a string; `partPrefix` starts the escaped form of a token that is only a part of a character. */
export function tokenText(tokenizer: Tokenizer, token: number, partPrefix = ""): string {
  const bytes = tokenizer.tokenBytes(token);
  try {
    return decoder.decode(bytes);
  } catch {
    return partPrefix + hex(bytes);
  }
}

/** JSON has no infinity; OpenAI writes -9999 for what cannot happen. */
const finite = (logprob: number) => Math.max(logprob, -9999);

const idText = (token: number) => `token_id:${token}`;

/** `choices[].logprobs` of a chat answer. `asIds` names tokens `token_id:N` (vLLM). */
export function chatLogprobs(
  tokenizer: Tokenizer,
  tokens: readonly TokenLogprob[],
  asIds: boolean,
): ChatLogprobs {
  const entry = ({ token, logprob }: { token: number; logprob: number }): ChatTokenLogprob => ({
    token: asIds ? idText(token) : tokenText(tokenizer, token),
    logprob: finite(logprob),
    bytes: Array.from(tokenizer.tokenBytes(token)),
  });
  return {
    content: tokens.map((token) => ({ ...entry(token), top_logprobs: token.top.map(entry) })),
    refusal: null,
  };
}

/**
 * Writes `choices[].logprobs` of a completion, in pieces for a stream. `text_offset` counts Unicode
 * characters from the start of the choice's `text`, as OpenAI's and vLLM's servers do.
 */
export class CompletionLogprobsWriter {
  readonly #tokenizer: Tokenizer;
  readonly #asIds: boolean;
  readonly #detokenizer: StreamingDetokenizer;
  #offset = 0;

  /** `continuation`: the text starts behind the prompt, not with it. */
  constructor(
    tokenizer: Tokenizer,
    options: { asIds: boolean; skipSpecial: boolean; continuation: boolean },
  ) {
    this.#tokenizer = tokenizer;
    this.#asIds = options.asIds;
    this.#detokenizer = tokenizer.stream(options);
  }

  /** The next tokens; `logprobs[i]` is null for a first token, which nothing comes before. */
  write(tokens: readonly number[], logprobs: readonly (TokenLogprob | null)[]): CompletionLogprobs {
    const out: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
    for (const [index, token] of tokens.entries()) {
      const logprob = logprobs[index] ?? null;
      out.tokens.push(this.#name(token));
      out.token_logprobs.push(logprob && finite(logprob.logprob));
      out.top_logprobs.push(logprob && this.#top(logprob));
      out.text_offset.push(this.#offset);
      this.#offset += characters(this.#detokenizer.push(token));
    }
    return out;
  }

  #name(token: number): string {
    return this.#asIds ? idText(token) : tokenText(this.#tokenizer, token, "bytes:");
  }

  /** The alternatives and, if it is not among them, the token itself. */
  #top(logprob: TokenLogprob): Record<string, number> {
    const byName = new Map<string, number>();
    for (const { token, logprob: value } of [...logprob.top, logprob]) {
      const name = this.#name(token);
      // Two tokens can have one name: the more probable one comes first and stays.
      if (!byName.has(name)) byName.set(name, finite(value));
    }
    return Object.fromEntries(byName);
  }
}

export function appendLogprobs(to: CompletionLogprobs, more: CompletionLogprobs): void {
  for (const key of Object.keys(to) as (keyof CompletionLogprobs)[])
    for (const item of more[key]) (to[key] as unknown[]).push(item);
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
