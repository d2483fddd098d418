/**
 * The tokenizer of a GGUF file. `@huggingface/tokenizers` 0.2 was weighed and left out: its byte-pair encoding
 * passes all vectors, but it has no SentencePiece scores and no streaming decoder, always finds special tokens
 * in text, and takes 9 s for a megabyte without spaces (ours 1 s).
 */

import { badModelFile, invalidRequest, unsupportedModel } from "../errors.ts";
import { ByteLevelModel, type TextModel } from "./byteLevel.ts";
import { Detokenizer } from "./detokenizer.ts";
import { SentencePieceModel } from "./sentencePiece.ts";
import { createPreTokenizer } from "./splitting.ts";
import { TokenTexts } from "./tokenTexts.ts";
import type { DecodeOptions, EncodeOptions, StreamingDetokenizer, Tokenizer } from "./types.ts";
import { type Metadata, readBoolean, readVocabulary, TokenKind, type Vocabulary } from "./vocabulary.ts";

/**
 * @param metadata the GGUF file's key-value pairs, of which `tokenizer.ggml.*` and `general.name` are read
 * @throws OmniError `bad_model_file` (names the key), `unsupported_model` (names the kind or splitting rule)
 */
export function createTokenizer(metadata: Metadata): Tokenizer {
  const model = metadata.get("tokenizer.ggml.model");
  if (model === undefined) throw badModelFile("The file has no tokenizer.", "tokenizer.ggml.model");
  if (model === "llama") {
    const vocabulary = readVocabulary(metadata);
    const textModel = new SentencePieceModel(metadata, vocabulary);
    return new GgufTokenizer(metadata, vocabulary, textModel, true, textModel.addSpacePrefix);
  }
  if (model === "gpt2") {
    const name = metadata.get("tokenizer.ggml.pre") ?? "default";
    const preTokenizer = createPreTokenizer(String(name));
    const vocabulary = readVocabulary(metadata);
    const textModel = new ByteLevelModel(metadata, vocabulary, preTokenizer);
    return new GgufTokenizer(metadata, vocabulary, textModel, preTokenizer.addBos, false);
  }
  throw unsupportedModel(
    `The tokenizer is of the kind "${String(model)}"; "gpt2" and "llama" are supported.`,
    "tokenizer.ggml.model",
  );
}

class GgufTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosToken: number | undefined;
  readonly eosToken: number | undefined;
  readonly endTokens: ReadonlySet<number>;
  readonly addBos: boolean;
  readonly specialTokens: ReadonlyMap<string, number>;

  readonly #vocabulary: Vocabulary;
  readonly #model: TextModel;
  readonly #dropsFirstSpace: boolean;
  readonly #allTexts: TokenTexts;
  /** User-defined tokens are ordinary words that merging cannot form: text always spells them. */
  readonly #userDefinedTexts: TokenTexts;
  readonly #stripsRight: (token: number) => boolean;
  readonly #utf8 = new TextEncoder();

  constructor(
    metadata: Metadata,
    vocabulary: Vocabulary,
    model: TextModel,
    addBosByDefault: boolean,
    dropsFirstSpace: boolean,
  ) {
    this.#vocabulary = vocabulary;
    this.#model = model;
    this.#dropsFirstSpace = dropsFirstSpace;
    this.vocabSize = vocabulary.texts.length;
    this.bosToken = vocabulary.bosToken;
    this.eosToken = vocabulary.eosToken;
    this.endTokens = vocabulary.endTokens;
    this.addBos =
      (readBoolean(metadata, "tokenizer.ggml.add_bos_token") ?? addBosByDefault) &&
      this.bosToken !== undefined;

    const special = new Map<string, number>();
    const userDefined: [string, number][] = [];
    vocabulary.kinds.forEach((kind, token) => {
      const text = vocabulary.texts[token]!;
      if (kind === TokenKind.control || kind === TokenKind.unknown || kind === TokenKind.userDefined) {
        if (text !== "" && !special.has(text)) special.set(text, token);
      }
      if (kind === TokenKind.userDefined) userDefined.push([text, token]);
    });
    this.specialTokens = special;
    this.#allTexts = new TokenTexts(special);
    this.#userDefinedTexts = new TokenTexts(userDefined);

    // GGUF does not say which tokens swallow the white space after them. Phi-3's do, but for these three;
    // llama.cpp knows the model by its name, too.
    const isPhi3 = /phi-?3/i.test(String(metadata.get("general.name") ?? ""));
    const keepsSpace = new Set(["<unk>", "<s>", "<|endoftext|>"]);
    this.#stripsRight = (token) => isPhi3 && !keepsSpace.has(vocabulary.texts[token]!);
  }

  encode(text: string, { special = false, addBos = false, reveal }: EncodeOptions = {}): number[] {
    const output: number[] = [];
    if (addBos && this.addBos) output.push(this.bosToken!);
    let afterSpecial = true;
    let strip = false;
    for (const part of (special ? this.#allTexts : this.#userDefinedTexts).split(text)) {
      if (typeof part === "number") {
        output.push(part);
        afterSpecial = true;
        strip = this.#stripsRight(part);
        continue;
      }
      let plain = strip ? part.replace(/^[ \t-\r]+/, "") : part;
      if (reveal) plain = reveal(plain);
      if (plain === "") continue;
      // Lone surrogates have no UTF-8 form.
      this.#model.encode(plain.replace(/\p{Surrogate}/gu, "\uFFFD"), output, afterSpecial);
      afterSpecial = false;
    }
    return output;
  }

  decode(tokens: readonly number[], options: DecodeOptions = {}): string {
    const stream = this.stream(options);
    let text = "";
    for (const token of tokens) text += stream.push(token);
    return text + stream.flush();
  }

  stream(options: DecodeOptions = {}): StreamingDetokenizer {
    return new Detokenizer(this, this.#dropsFirstSpace && !options.continuation, options);
  }

  tokenBytes(token: number): Uint8Array {
    const kind = this.#kind(token);
    const text = this.#vocabulary.texts[token]!;
    if (kind === TokenKind.byte) {
      const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(text);
      if (byte) return Uint8Array.of(Number.parseInt(byte[1]!, 16));
    }
    return kind === TokenKind.normal ? this.#model.bytes(text) : this.#utf8.encode(text);
  }

  isSpecial(token: number): boolean {
    const kind = this.#kind(token);
    return kind === TokenKind.control || kind === TokenKind.unknown || kind === TokenKind.unused;
  }

  #kind(token: number): number {
    const kind = this.#vocabulary.kinds[token];
    if (kind === undefined)
      throw invalidRequest(`Token ${token} is not one of the vocabulary's ${this.vocabSize}.`, "tokens");
    return kind;
  }
}
