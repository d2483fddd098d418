/**
 * SentencePiece's BPE as Llama 2, Mistral, Phi-3 and Gemma use it (`tokenizer.ggml.model` = "llama"):
 * spaces become U+2581, then of all neighbours that form a token the one with the highest score merges
 * first. What forms no token becomes byte tokens, `<0x00>` to `<0xFF>`. The algorithm follows llama.cpp's.
 */

import { badModelFile } from "../errors.ts";
import type { TextModel } from "./byteLevel.ts";
import { mergeSymbols } from "./merging.ts";
import { type Metadata, readBoolean, readNumbers, TokenKind, type Vocabulary } from "./vocabulary.ts";

const spaceMark = "\u2581";

export class SentencePieceModel implements TextModel {
  /** Whether text at the start, and after each special token, gets a space before it. */
  readonly addSpacePrefix: boolean;
  readonly #ids = new Map<string, number>();
  readonly #scores: ArrayLike<number>;
  readonly #byteTokens: (number | undefined)[];
  readonly #utf8 = new TextEncoder();

  constructor(metadata: Metadata, vocabulary: Vocabulary) {
    this.addSpacePrefix = readBoolean(metadata, "tokenizer.ggml.add_space_prefix") ?? true;
    const size = vocabulary.texts.length;
    this.#scores = readNumbers(metadata, "tokenizer.ggml.scores", size) ?? new Float32Array(size);
    // Byte tokens only stand for bytes: the characters "<0x41>" are not the byte 0x41.
    for (const [text, id] of vocabulary.ids) {
      if (vocabulary.kinds[id] !== TokenKind.byte) this.#ids.set(text, id);
    }
    this.#byteTokens = Array.from({ length: 256 }, (_, byte) => {
      const name = `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
      return vocabulary.ids.get(name) ?? vocabulary.unknownToken;
    });
    if (this.#byteTokens.includes(undefined))
      throw badModelFile(
        "The vocabulary has neither tokens for all bytes nor an unknown token.",
        "tokenizer.ggml.tokens",
      );
  }

  encode(text: string, output: number[], first: boolean): void {
    const marked = (first && this.addSpacePrefix ? ` ${text}` : text).replaceAll(" ", spaceMark);
    const starts: number[] = [];
    for (let i = 0; i < marked.length; i += marked.codePointAt(i)! > 0xffff ? 2 : 1) starts.push(i);
    const merged = mergeSymbols(starts, marked.length, (start, _, end) => {
      const token = this.#ids.get(marked.slice(start, end));
      return token === undefined ? undefined : -this.#scores[token]!;
    });
    for (let i = 0; i < merged.length; i++) {
      const symbol = marked.slice(merged[i]!, merged[i + 1] ?? marked.length);
      const token = this.#ids.get(symbol);
      if (token !== undefined) output.push(token);
      else for (const byte of this.#utf8.encode(symbol)) output.push(this.#byteTokens[byte]!);
    }
  }

  bytes(tokenText: string): Uint8Array {
    return this.#utf8.encode(tokenText.replaceAll(spaceMark, " "));
  }
}
