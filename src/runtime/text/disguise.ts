/**
 * Keeps what users wrote from becoming special tokens on its way through a chat template.
 *
 * Special tokens are found in the rendered text, where template and message can no longer be told apart. So
 * before rendering, the characters with which special tokens begin or end (mostly `<`, `>`, `[`, `]`) are
 * replaced in every string of the request by stand-ins, Unicode noncharacters, and put back in the pieces
 * between the special tokens that were found. Thus no special token begins or ends in user text, however
 * the template trims, cuts or joins it; stand-ins keep lengths and are no white space, so filters work as
 * before. What remains possible is a template that writes a token's beginning and end around a string of
 * the request, as `<|{{ message.role }}|>` does on purpose.
 */

import { unsupportedModel } from "../errors.ts";
import type { Tokenizer } from "./types.ts";

const firstStandIn = 0xfdd0;
const standInCount = 31;
/** Stands for nothing: it keeps the characters around it apart. */
const separator = "\uFDEF";

/** Stands for a picture or sound on its way through a template: a noncharacter, which no string of a request keeps. */
export const mediaMark = "\uFFFE";

export class Disguise {
  /** Stand-in of each character that is replaced. */
  readonly #standIns = new Map<string, string>();
  readonly #characters = new Map([[separator, ""]]);
  /** Special tokens that begin and end with letters, digits or spaces are split up instead. */
  readonly #wordLike = new Set<string>();
  /** User-defined tokens: left alone in what the assistant said, see {@link hide}. */
  readonly #userDefined = new Set<string>();
  readonly #found: RegExp;
  readonly #foundKeeping: RegExp;

  constructor(tokenizer: Tokenizer) {
    for (const [text, token] of tokenizer.specialTokens) {
      const isControl = tokenizer.isSpecial(token);
      // User-defined tokens are mostly plain words and runs of white space; the others look like markup.
      if (!isControl && !/^[<[].+[>\]]$/su.test(text)) continue;
      if (!isControl) this.#userDefined.add(text);
      const characters = [...text];
      const ends = [characters[0]!, characters.at(-1)!].filter((end) => !/[\p{L}\p{N}\s]/u.test(end));
      if (ends.length === 0 && characters.length > 1) this.#wordLike.add(text);
      for (const end of characters.length > 1 ? ends : characters) this.#addStandIn(end);
    }
    const alternatives = [mediaMark, ...this.#wordLike, ...this.#standIns.keys(), ...this.#characters.keys()];
    this.#found = alternation(alternatives);
    this.#foundKeeping = alternation([...this.#userDefined, ...alternatives]);
  }

  /**
   * The value with all its strings disguised, keys too.
   * @param keepUserDefined leaves user-defined tokens such as `<think>` as they are: for the assistant's
   *   messages, where they are what the model itself said, and templates cut the text at them
   */
  hide<T>(value: T, keepUserDefined = false): T {
    return this.#hide(value, keepUserDefined) as T;
  }

  #hide(value: unknown, keepUserDefined: boolean): unknown {
    if (typeof value === "string") return this.#hideText(value, keepUserDefined);
    if (Array.isArray(value)) return value.map((item) => this.#hide(item, keepUserDefined));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        this.#hideText(key, keepUserDefined),
        this.#hide(item, keepUserDefined),
      ]),
    );
  }

  #hideText(text: string, keepUserDefined: boolean): string {
    return text.replace(keepUserDefined ? this.#foundKeeping : this.#found, (match) => {
      if (this.#wordLike.has(match)) {
        const first = String.fromCodePoint(match.codePointAt(0)!);
        return first + separator + this.#hideText(match.slice(first.length), keepUserDefined);
      }
      if (keepUserDefined && this.#userDefined.has(match)) return match;
      // A stand-in in the request itself would come out as what it stands for.
      return this.#standIns.get(match) ?? "\uFFFD";
    });
  }

  /** Puts back what stand-ins stand for. */
  reveal = (text: string): string =>
    text.replace(/[\uFDD0-\uFDEF]/g, (standIn) => this.#characters.get(standIn) ?? standIn);

  #addStandIn(character: string): void {
    if (this.#standIns.has(character)) return;
    if (this.#standIns.size === standInCount)
      throw unsupportedModel(
        `The vocabulary's special tokens begin and end with more than ${standInCount} different characters.`,
        "tokenizer.ggml.tokens",
      );
    const standIn = String.fromCharCode(firstStandIn + this.#standIns.size);
    this.#standIns.set(character, standIn);
    this.#characters.set(standIn, character);
  }
}

/** Matches any of the texts, the longest that fits. */
function alternation(texts: readonly string[]): RegExp {
  if (texts.length === 0) return /(?!)/gu;
  const sorted = [...texts].sort((a, b) => b.length - a.length);
  return new RegExp(sorted.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"), "gu");
}
