/**
 * Whisper's vocabulary: ordinary tokens by rank, then special ones in a fixed order, then timestamps of 0.02 s each.
 * Source: `get_encoding` and `Tokenizer` in openai/whisper's tokenizer.py.
 */

import { unsupportedModel } from "../errors.ts";
import { metadataFromRanks } from "./rankedVocabulary.ts";
import { createTokenizer } from "./tokenizer.ts";
import type { Tokenizer } from "./types.ts";
import { whisperLanguages } from "./whisperLanguages.ts";

/** <|0.00|> to <|30.00|>. */
const timestampCount = 1501;
export const secondsPerTimestamp = 0.02;
/** Ordinary tokens of GPT-2, which only the English models have. */
const englishTokens = 50_256;

export interface WhisperTokens {
  tokenizer: Tokenizer;
  /** <|endoftext|>; all ordinary tokens are below it. */
  end: number;
  /** <|startoftranscript|> */
  start: number;
  /** The token of each language, by code; none in models for English alone. */
  languages: ReadonlyMap<string, number>;
  translate: number;
  transcribe: number;
  startOfPrevious: number;
  noSpeech: number;
  noTimestamps: number;
  /** <|0.00|>; all after it are timestamps. */
  timestampBegin: number;
  /** Tokens that no answer contains: symbols that are not spoken, and special tokens. */
  suppressed: readonly number[];
  /** Tokens with which no answer begins: a space, the end. */
  suppressedFirst: readonly number[];
}

/**
 * @param tokens bytes of the ordinary tokens, by id
 * @param vocab V: rows of the token embedding
 * @throws OmniError `unsupported_model` where the sizes are not those of a Whisper vocabulary
 */
export function whisperTokens(tokens: readonly Uint8Array[], vocab: number): WhisperTokens {
  // Some converters list <|endoftext|> among the ordinary ones.
  const endText = "<|endoftext|>";
  const last = tokens.at(-1);
  const end = last && new TextDecoder().decode(last) === endText ? tokens.length - 1 : tokens.length;
  const languageCount = vocab - end - 2 - 6 - timestampCount;
  if (languageCount < 1 || languageCount > whisperLanguages.length)
    throw unsupportedModel(
      `A vocabulary of ${vocab} with ${end} ordinary tokens leaves ${languageCount} languages; ` +
        `Whisper's have 1 to ${whisperLanguages.length}.`,
    );
  const codes = whisperLanguages.slice(0, languageCount).map(([code]) => code);
  const control = [
    ...[endText, "<|startoftranscript|>"],
    ...codes.map((code) => `<|${code}|>`),
    ...["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>"],
    "<|notimestamps|>",
    ...Array.from({ length: timestampCount }, (_, i) => `<|${(i * secondsPerTimestamp).toFixed(2)}|>`),
  ];
  const tokenizer = createTokenizer(metadataFromRanks(tokens.slice(0, end), "gpt-2", control));
  const id = (text: string) => end + control.indexOf(text);
  const [translate, transcribe, noSpeech] = [id("<|translate|>"), id("<|transcribe|>"), id("<|nospeech|>")];
  const [start, startOfLm, startOfPrevious] = [end + 1, id("<|startoflm|>"), id("<|startofprev|>")];
  return {
    tokenizer,
    ...{ end, start, translate, transcribe, startOfPrevious, noSpeech },
    languages: new Map(end === englishTokens ? [] : codes.map((code, i) => [code, start + 1 + i])),
    noTimestamps: id("<|notimestamps|>"),
    timestampBegin: id("<|notimestamps|>") + 1,
    suppressed: [
      ...unspokenTokens(tokenizer),
      ...[transcribe, translate, start, startOfPrevious, startOfLm, noSpeech],
    ],
    suppressedFirst: [...tokenizer.encode(" "), end],
  };
}

/**
 * Symbols that annotate a transcript and are not spoken: brackets, notes, asterisks. Hyphens and apostrophes stay within
 * words, but begin none. Source: `non_speech_tokens` in openai/whisper's tokenizer.py.
 */
function unspokenTokens(tokenizer: Tokenizer): number[] {
  const notes = [..."♩♪♫♬♭♮♯"];
  const symbols = [
    ...'"#()*+/:;<=>@[\\]^_`{|}~「」『』',
    ...["<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", '("', "((", "))", "(((", ")))"],
    ...["[[", "]]", "{{", "}}", "♪♪", "♪♪♪"],
  ];
  const found = new Set([tokenizer.encode(" -")[0]!, tokenizer.encode(" '")[0]!]);
  for (const symbol of [...symbols, ...notes])
    for (const text of [symbol, ` ${symbol}`]) {
      const tokens = tokenizer.encode(text);
      // The notes share their first bytes, and nothing else has them.
      if (tokens.length === 1 || (notes.includes(symbol) && tokens.length > 0)) found.add(tokens[0]!);
    }
  // A vocabulary of single bytes has a token for a space, which all must keep.
  found.delete(tokenizer.encode(" ")[0]!);
  return [...found].sort((a, b) => a - b);
}
