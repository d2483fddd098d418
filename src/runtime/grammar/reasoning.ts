/** Reasoning before an answer: ends it when its budget of tokens is spent, and holds the answer to its grammar. */

import type { TokenConstraint } from "../engine/types.ts";
import { closeTag, openTag } from "../text/thinkTags.ts";
import type { Tokenizer } from "../text/types.ts";
import type { CompiledGrammar } from "./compile.ts";
import type { GrammarConstraint } from "./constraint.ts";
import { type TokenTrie, tokenTrie } from "./tokenTrie.ts";

export interface ReasoningOptions {
  tokenizer: Tokenizer;
  /** The prompt ends within the tags. */
  opened: boolean;
  /** Most tokens between the tags, from 1 on; undefined: any number. */
  budget: number | undefined;
  /** Of the answer; undefined: any text. */
  grammar: CompiledGrammar | undefined;
}

/** Text of bytes, a character each. */
const latin1 = (bytes: Uint8Array) => String.fromCharCode(...bytes);
const utf8 = new TextEncoder();
const openBytes = utf8.encode(openTag);
/** Line breaks between the tag and the answer that are not part of it. */
const maxLineBreaks = 2;
const lineBreaks = utf8.encode("\n".repeat(maxLineBreaks));

/**
 * `before`: nothing but white space or the start of the tag so far. `closing`: the engine writes the tag. `between`:
 * after it, where line breaks may come.
 */
type Phase = "before" | "thinking" | "closing" | "between" | "answer";

export class ReasoningConstraint implements TokenConstraint {
  readonly #options: ReasoningOptions;
  readonly #trie: TokenTrie;
  #phase: Phase;
  /** What may be a part of a tag. */
  #tail = "";
  #thought = 0;
  #forced: number[] = [];
  #lineBreaks = 0;
  #answer: GrammarConstraint | undefined;
  /** The text so far is the start of the tag and cannot begin an answer. */
  #answerLost = false;
  #mask: Uint32Array | undefined;

  constructor(options: ReasoningOptions) {
    this.#options = options;
    this.#trie = tokenTrie(options.tokenizer);
    this.#phase = options.opened ? "thinking" : "before";
    this.#answer = options.grammar?.start(!options.opened);
  }

  get done(): boolean {
    return this.#phase === "answer" && this.#answer !== undefined && this.#answer.done;
  }

  mask(): Uint32Array | undefined {
    if (this.#phase === "closing") return this.#only(this.#forced[0]!);
    if (this.#options.grammar === undefined) return undefined;
    if (this.#phase === "answer") return this.#answer!.mask();
    this.#mask ??= this.#phase === "thinking" ? this.#thinkingMask() : this.#openMask();
    return this.#mask;
  }

  accept(token: number): void {
    this.#mask = undefined;
    switch (this.#phase) {
      case "closing":
        this.#forced = this.#forced.slice(1);
        if (this.#forced.length === 0) this.#phase = "between";
        break;
      case "thinking":
        this.#think(this.#trie.tokenBytes(token));
        this.#thought++;
        if (this.#phase === "thinking") this.#spend();
        break;
      case "before":
        this.#begin(token);
        break;
      case "between":
        if (!this.#takeLineBreaks(this.#trie.tokenBytes(token))) this.#startAnswer(token);
        break;
      case "answer":
        this.#answer?.accept(token);
    }
  }

  fork(): ReasoningConstraint {
    const copy = new ReasoningConstraint(this.#options);
    copy.#phase = this.#phase;
    copy.#tail = this.#tail;
    copy.#thought = this.#thought;
    copy.#forced = this.#forced;
    copy.#lineBreaks = this.#lineBreaks;
    copy.#answer = this.#answer?.fork();
    copy.#answerLost = this.#answerLost;
    return copy;
  }

  dispose(): void {}

  #only(token: number): Uint32Array {
    const mask = new Uint32Array(Math.ceil(this.#trie.vocabSize / 32));
    mask[token >> 5] = 1 << (token & 31);
    return mask;
  }

  #spend(): void {
    const { budget, tokenizer } = this.#options;
    if (budget === undefined || this.#thought < budget) return;
    this.#forced = tokenizer.encode(`\n${closeTag}\n\n`, { special: true });
    this.#lineBreaks = maxLineBreaks;
    this.#phase = "closing";
    this.#endThinking();
  }

  /** The answer follows other text: no space of it will be dropped. */
  #endThinking(): void {
    this.#answer = this.#options.grammar?.start(false);
    this.#answerLost = false;
  }

  /** The first tokens: of the tag, or of an answer without reasoning. */
  #begin(token: number): void {
    const bytes = this.#trie.tokenBytes(token);
    const text = this.#tail + latin1(bytes);
    const start = text.trimStart();
    const isTag = start.startsWith(openTag);
    const mayBeTag = isTag || openTag.startsWith(start);
    if (isTag) {
      this.#phase = "thinking";
      this.#tail = "";
      this.#think(utf8.encode(start.slice(openTag.length)));
      return;
    }
    if (this.#answer && this.#answerTakes(token)) this.#answer.accept(token);
    else this.#answerLost = true;
    this.#tail = text;
    if (!mayBeTag) this.#phase = "answer";
  }

  /** Whether the token may also begin or continue an answer without reasoning. */
  #answerTakes(token: number): boolean {
    if (this.#answerLost) return false;
    const mask = this.#answer!.mask();
    return ((mask[token >> 5]! >>> (token & 31)) & 1) === 1;
  }

  #think(bytes: Uint8Array): void {
    const text = this.#tail + latin1(bytes);
    const end = text.indexOf(closeTag);
    if (end < 0) {
      this.#tail = text.slice(-(closeTag.length - 1));
      return;
    }
    this.#phase = "between";
    this.#endThinking();
    const rest = bytes.subarray(bytes.length - (text.length - end - closeTag.length));
    if (rest.length > 0 && !this.#takeLineBreaks(rest)) {
      this.#answer?.acceptBytes(rest);
      this.#phase = "answer";
    }
  }

  /** Whether these bytes are line breaks that separate the answer from the tag. */
  #takeLineBreaks(bytes: Uint8Array): boolean {
    if (this.#lineBreaks + bytes.length > maxLineBreaks || bytes.some((byte) => byte !== 0x0a)) return false;
    this.#lineBreaks += bytes.length;
    return true;
  }

  #startAnswer(token: number): void {
    this.#phase = "answer";
    this.#answer?.accept(token);
  }

  /** All tokens of text, but those with which the tag is complete and something goes on that cannot. */
  #thinkingMask(): Uint32Array {
    const mask = textMask(this.#trie).slice();
    const close = this.#options.tokenizer.specialTokens.get(closeTag);
    if (close !== undefined) mask[close >> 5]! |= 1 << (close & 31);
    for (const { token, text } of tokensPastTag(this.#trie)) {
      const whole = this.#tail + text;
      const end = whole.indexOf(closeTag);
      if (end < 0) continue;
      const rest = Uint8Array.from(whole.slice(end + closeTag.length), (char) => char.charCodeAt(0));
      const isBreak = rest.length <= maxLineBreaks && rest.every((byte) => byte === 0x0a);
      if (!isBreak && !this.#options.grammar!.start(false).acceptBytes(rest))
        mask[token >> 5]! &= ~(1 << (token & 31));
    }
    return mask;
  }

  /** Before: the answer's first tokens and those of the tag. Between: the answer's and line breaks. */
  #openMask(): Uint32Array {
    const mask = this.#answerLost
      ? new Uint32Array(Math.ceil(this.#trie.vocabSize / 32))
      : this.#answer!.mask().slice();
    const begun = this.#tail.trimStart().length;
    const path = this.#phase === "before" ? openBytes.subarray(begun) : lineBreaks.subarray(this.#lineBreaks);
    let node: number | undefined = 0;
    for (const byte of path) {
      node = node === undefined ? undefined : this.#trie.child(node, byte);
      if (node !== undefined) this.#trie.mark(node, mask);
    }
    const open = this.#options.tokenizer.specialTokens.get(openTag);
    if (this.#phase === "before" && begun === 0 && open !== undefined) mask[open >> 5]! |= 1 << (open & 31);
    return mask;
  }
}

const textMasks = new WeakMap<TokenTrie, Uint32Array>();

function textMask(trie: TokenTrie): Uint32Array {
  let mask = textMasks.get(trie);
  if (!mask) {
    mask = new Uint32Array(Math.ceil(trie.vocabSize / 32));
    for (let token = 0; token < trie.vocabSize; token++)
      if (trie.isText(token)) mask[token >> 5]! |= 1 << (token & 31);
    textMasks.set(trie, mask);
  }
  return mask;
}

const pastTag = new WeakMap<TokenTrie, { token: number; text: string }[]>();

/** Tokens in which text follows a '>': the only ones that can go on past the tag. */
function tokensPastTag(trie: TokenTrie): { token: number; text: string }[] {
  let found = pastTag.get(trie);
  if (!found) {
    found = [];
    for (let token = 0; token < trie.vocabSize; token++) {
      if (!trie.isText(token)) continue;
      const text = latin1(trie.tokenBytes(token));
      if (/>[\s\S]/.test(text)) found.push({ token, text });
    }
    pastTag.set(trie, found);
  }
  return found;
}
