/** The vocabulary in a GGUF file's metadata (`tokenizer.ggml.*`), checked. */

import { badModelFile } from "../errors.ts";
import { closeTag, openTag } from "./thinkTags.ts";

/** A GGUF file's key-value pairs; what is read of them is checked here. */
export type Metadata = ReadonlyMap<string, unknown>;

/** `tokenizer.ggml.token_type`. */
export const TokenKind = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface Vocabulary {
  /** Each token's text as the file spells it, (V). */
  texts: readonly string[];
  /** {@link TokenKind} of each token, (V). */
  kinds: Uint8Array;
  /** Ids of the tokens that merging may produce. Control tokens are none: text can never spell one. */
  ids: ReadonlyMap<string, number>;
  bosToken: number | undefined;
  eosToken: number | undefined;
  unknownToken: number | undefined;
  endTokens: ReadonlySet<number>;
}

/** Texts that end a generation in every vocabulary that has them (llama.cpp's list). */
const endTexts = new Set([
  "<|eot_id|>",
  "<|im_end|>",
  "<|end|>",
  "<|return|>",
  "<|call|>",
  "<end_of_turn>",
  "<|endoftext|>",
  "<|end_of_text|>",
  "<|eom_id|>",
  "<EOT>",
  "_<EOT>",
  "[EOT]",
  "[EOS]",
  "<eos>",
  "</s>",
  "<end_of_utterance>",
  "<｜end▁of▁sentence｜>",
  // Code models end a file with these.
  "<|fim_pad|>",
  "<fim-pad>",
  "<fim_pad>",
  "<|fim_repo|>",
  "<|repo_name|>",
  "<|file_sep|>",
]);

export function readVocabulary(metadata: Metadata): Vocabulary {
  const texts = readStrings(metadata, "tokenizer.ggml.tokens");
  if (texts === undefined || texts.length === 0)
    throw badModelFile("The file has no vocabulary.", "tokenizer.ggml.tokens");
  const size = texts.length;
  const kinds = new Uint8Array(size).fill(TokenKind.normal);
  const types = readNumbers(metadata, "tokenizer.ggml.token_type", size);
  for (let i = 0; types !== undefined && i < size; i++) {
    if (types[i]! >= TokenKind.normal && types[i]! <= TokenKind.byte) kinds[i] = types[i]!;
  }

  const isLlama = metadata.get("tokenizer.ggml.model") === "llama";
  const bosToken = readToken(metadata, "tokenizer.ggml.bos_token_id", size, isLlama ? 1 : undefined);
  const eosToken = readToken(metadata, "tokenizer.ggml.eos_token_id", size, isLlama ? 2 : undefined);
  const endTokens = new Set<number>();
  const ids = new Map<string, number>();
  for (let i = 0; i < size; i++) {
    const text = texts[i]!;
    // Some converters store these as ordinary tokens; then a user's text would spell them. But an ordinary
    // `</s>` may well be just that, a piece of HTML.
    if (endTexts.has(text) && (kinds[i] !== TokenKind.normal || /^<[|｜]/.test(text))) {
      kinds[i] = TokenKind.control;
      endTokens.add(i);
    }
    // Reasoning is text that is shown, and told apart by its tags.
    if (kinds[i] === TokenKind.control && (text === openTag || text === closeTag))
      kinds[i] = TokenKind.userDefined;
    const kind = kinds[i];
    if (text !== "" && kind !== TokenKind.control && kind !== TokenKind.unknown && !ids.has(text))
      ids.set(text, i);
  }
  for (const name of ["eot", "eom"]) {
    const token = readToken(metadata, `tokenizer.ggml.${name}_token_id`, size, undefined);
    if (token !== undefined) endTokens.add(token);
  }
  if (eosToken !== undefined) endTokens.add(eosToken);
  // OpenAI's harmony format ends every message with <|end|>, the turn with one of the others.
  const endTextsHere = new Map([...endTokens].map((token) => [texts[token], token]));
  if (endTextsHere.has("<|return|>") && endTextsHere.has("<|call|>"))
    endTokens.delete(endTextsHere.get("<|end|>")!);

  return {
    texts,
    kinds,
    ids,
    bosToken,
    eosToken,
    unknownToken: readToken(metadata, "tokenizer.ggml.unknown_token_id", size, isLlama ? 0 : undefined),
    endTokens,
  };
}

/** @throws OmniError `bad_model_file` unless the value is a list of strings; undefined where there is none */
export function readStrings(metadata: Metadata, key: string): readonly string[] | undefined {
  const value = metadata.get(key);
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string"))
    throw badModelFile(`"${key}" is not a list of strings.`, key);
  return value as readonly string[];
}

/** @throws OmniError `bad_model_file` unless the value holds `count` numbers; undefined where there is none */
export function readNumbers(metadata: Metadata, key: string, count: number): ArrayLike<number> | undefined {
  const value: unknown = metadata.get(key);
  if (value === undefined) return undefined;
  const isList = Array.isArray(value)
    ? value.every((item) => typeof item === "number")
    : ArrayBuffer.isView(value);
  const list = value as ArrayLike<number>;
  if (!isList || list.length < count)
    throw badModelFile(`"${key}" is not a list of one number for each of the ${count} tokens.`, key);
  return list;
}

export function readBoolean(metadata: Metadata, key: string): boolean | undefined {
  const value = metadata.get(key);
  if (value === undefined || typeof value === "boolean") return value;
  throw badModelFile(`"${key}" is neither true nor false.`, key);
}

function readToken(
  metadata: Metadata,
  key: string,
  size: number,
  fallback: number | undefined,
): number | undefined {
  const value = metadata.get(key);
  if (value === undefined) return fallback !== undefined && fallback < size ? fallback : undefined;
  const token = typeof value === "bigint" ? Number(value) : value;
  if (typeof token !== "number" || !Number.isInteger(token) || token < 0 || token >= size)
    throw badModelFile(
      `"${key}" is ${String(value)}, which is no token of the ${size} in the vocabulary.`,
      key,
    );
  return token;
}
