/** Tokens as words. Source: `split_to_word_tokens` in openai/whisper's tokenizer.py, `merge_punctuations` in its timing.py. */

import type { Tokenizer } from "../../text/types.ts";

export interface Word {
  text: string;
  tokens: number[];
}

/** Written without spaces between words: each character stands for itself. */
const withoutSpaces = new Set(["zh", "ja", "th", "lo", "my", "yue"]);
const asciiPunctuation = new Set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");
const prepended = new Set("\"'“¿([{-");
const appended = new Set("\"'.。,，!！?？:：”)]}、");

/** Text tokens as words: with the space before each, punctuation apart. */
export function splitWords(tokens: readonly number[], tokenizer: Tokenizer, language: string): Word[] {
  const characters = wholeCharacters(tokens, tokenizer);
  if (withoutSpaces.has(language)) return characters;
  const words: Word[] = [];
  for (const { text, tokens: own } of characters) {
    const last = words.at(-1);
    if (!last || text.startsWith(" ") || asciiPunctuation.has(text.trim())) words.push({ text, tokens: own });
    else {
      last.text += text;
      last.tokens.push(...own);
    }
  }
  return words;
}

/** As few tokens at a time as make whole characters. */
function wholeCharacters(tokens: readonly number[], tokenizer: Tokenizer): Word[] {
  const words: Word[] = [];
  const stream = tokenizer.stream({ continuation: true });
  let pending: number[] = [];
  let text = "";
  for (const token of tokens) {
    pending.push(token);
    text += stream.push(token);
    if (text === "" || endsWithin(pending, tokenizer)) continue;
    words.push({ text, tokens: pending });
    pending = [];
    text = "";
  }
  text += stream.flush();
  if (pending.length > 0) words.push({ text, tokens: pending });
  return words;
}

/** Whether the bytes of tokens end inside a UTF-8 character. */
function endsWithin(tokens: readonly number[], tokenizer: Tokenizer): boolean {
  const bytes = tokens.flatMap((token) => [...tokenizer.tokenBytes(token)]).slice(-4);
  const start = bytes.findLastIndex((byte) => (byte & 0xc0) !== 0x80);
  if (start < 0) return false;
  const lead = bytes[start]!;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return bytes.length - start < length;
}

/** Gives each word its punctuation; what was given away is left empty. @param words changed */
export function mergePunctuation(words: readonly Word[]): void {
  const give = (from: Word, to: Word, before: boolean) => {
    to.text = before ? from.text + to.text : to.text + from.text;
    to.tokens = before ? [...from.tokens, ...to.tokens] : [...to.tokens, ...from.tokens];
    from.text = "";
    from.tokens = [];
  };
  let following = words.length - 1;
  for (let i = words.length - 2; i >= 0; i--) {
    const word = words[i]!;
    if (word.text.startsWith(" ") && prepended.has(word.text.trim())) give(word, words[following]!, true);
    else following = i;
  }
  let previous = 0;
  for (let i = 1; i < words.length; i++) {
    const word = words[i]!;
    if (word.text === "") continue;
    if (appended.has(word.text) && !words[previous]!.text.endsWith(" ")) give(word, words[previous]!, false);
    else previous = i;
  }
}
