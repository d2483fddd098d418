/**
 * Byte-level byte-pair encoding (GPT-2 and most since): text is cut into words, words become UTF-8 bytes,
 * bytes merge by rank. Vocabularies spell each byte as one printable character: the printable ASCII and
 * Latin-1 bytes as themselves, the others as U+0100 on, in order.
 */

import { badModelFile } from "../errors.ts";
import { mergeSymbols } from "./merging.ts";
import type { PreTokenizer } from "./splitting.ts";
import { type Metadata, readStrings, type Vocabulary } from "./vocabulary.ts";

/** One way to turn ordinary text into tokens, and the bytes of an ordinary token. */
export interface TextModel {
  /** Appends the tokens of `text`; `first`: at the start or after a special token. */
  encode(text: string, output: number[], first: boolean): void;
  /** The bytes that an ordinary token's text stands for. */
  bytes(tokenText: string): Uint8Array;
}

const byteCharacters: string[] = [];
const bytesByCharacter = new Map<string, number>();
for (let byte = 0, others = 0; byte < 256; byte++) {
  const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const character = String.fromCharCode(isPrintable ? byte : 0x100 + others++);
  byteCharacters.push(character);
  bytesByCharacter.set(character, byte);
}

/** The spelling of bytes. */
export function spellBytes(bytes: Iterable<number>): string {
  let text = "";
  for (const byte of bytes) text += byteCharacters[byte]!;
  return text;
}

/** The bytes that a token's spelling stands for. Outside the alphabet a character can only mean itself. */
export function spelledBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (const character of text) {
    const byte = bytesByCharacter.get(character);
    if (byte === undefined) bytes.push(...new TextEncoder().encode(character));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** Words repeat; these are the longest that are remembered, and how many. */
const cachedWordLength = 32;
const cachedWords = 20_000;

export class ByteLevelModel implements TextModel {
  readonly #ids: ReadonlyMap<string, number>;
  /** Rank of the merge "left right". */
  readonly #ranks = new Map<string, number>();
  readonly #preTokenizer: PreTokenizer;
  readonly #cache = new Map<string, readonly number[]>();
  readonly #utf8 = new TextEncoder();

  constructor(metadata: Metadata, vocabulary: Vocabulary, preTokenizer: PreTokenizer) {
    const merges = readStrings(metadata, "tokenizer.ggml.merges");
    if (merges === undefined) throw badModelFile("The file has no merges.", "tokenizer.ggml.merges");
    for (let rank = merges.length - 1; rank >= 0; rank--) this.#ranks.set(merges[rank]!, rank);
    this.#ids = vocabulary.ids;
    this.#preTokenizer = preTokenizer;
  }

  encode(text: string, output: number[]): void {
    for (const word of this.#preTokenizer.split(text)) {
      let tokens = this.#cache.get(word);
      if (tokens === undefined) {
        tokens = this.#encodeWord(word);
        if (word.length <= cachedWordLength) {
          if (this.#cache.size >= cachedWords) this.#cache.clear();
          this.#cache.set(word, tokens);
        }
      }
      for (const token of tokens) output.push(token);
    }
  }

  bytes(tokenText: string): Uint8Array {
    return spelledBytes(tokenText);
  }

  #encodeWord(word: string): readonly number[] {
    const spelled = spellBytes(this.#utf8.encode(word));
    const whole = this.#preTokenizer.ignoreMerges ? this.#ids.get(spelled) : undefined;
    if (whole !== undefined) return [whole];

    // One UTF-16 unit a byte, so offsets in the spelled word are byte offsets.
    const starts = Int32Array.from({ length: spelled.length }, (_, i) => i);
    const merged = mergeSymbols(starts, spelled.length, (start, mid, end) =>
      this.#ranks.get(`${spelled.slice(start, mid)} ${spelled.slice(mid, end)}`),
    );
    const tokens: number[] = [];
    for (let i = 0; i < merged.length; i++) {
      const symbol = spelled.slice(merged[i]!, merged[i + 1] ?? spelled.length);
      const token = this.#ids.get(symbol);
      if (token !== undefined) tokens.push(token);
      else {
        // A merge to something that is no token falls back to bytes; a byte that is none has no token at all.
        for (const character of symbol) {
          const byteToken = this.#ids.get(character);
          if (byteToken !== undefined) tokens.push(byteToken);
        }
      }
    }
    return tokens;
  }
}
