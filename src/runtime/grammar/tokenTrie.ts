/** A vocabulary as a tree of bytes, for finding all tokens that a grammar allows in one walk. */

import type { Tokenizer } from "../text/types.ts";

export class TokenTrie {
  /** Number of token ids, V. */
  readonly vocabSize: number;
  readonly endTokens: readonly number[];
  /** Tokens that stand for text, at most. Their number; the rest are control tokens. */
  readonly textTokens: number;
  /** The nodes in preorder: the byte that leads to each; node 0 is the root. */
  readonly bytes: Uint8Array;
  /** Number of bytes from the root. */
  readonly depths: Uint16Array;
  /** The first node that is not below. */
  readonly ends: Int32Array;
  /** First token that ends at a node; -1: none. */
  readonly tokens: Int32Array;
  /** Another token of the same bytes, (V); -1: none. */
  readonly sameText: Int32Array;
  readonly maxDepth: number;
  /** Whether the detokenizer drops the space with which a text begins (SentencePiece). */
  readonly dropsFirstSpace: boolean;
  readonly #tokenizer: Tokenizer;
  readonly #text: Uint8Array;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.vocabSize = tokenizer.vocabSize;
    this.endTokens = [...tokenizer.endTokens];
    this.#text = new Uint8Array(this.vocabSize);
    const spelled: { token: number; key: string }[] = [];
    const marks = new Set(tokenizer.specialTokens.values());
    let spaced: number | undefined;
    for (let token = 0; token < this.vocabSize; token++) {
      if (tokenizer.isSpecial(token) || tokenizer.endTokens.has(token)) continue;
      const bytes = tokenizer.tokenBytes(token);
      // Longer ones than this are rows of spaces or dashes: no text needs them.
      if (bytes.length === 0 || bytes.length > maxTokenBytes) continue;
      if (marks.has(token) && isTag(bytes)) continue;
      if (bytes[0] === 0x20 && bytes.length > 1) spaced ??= token;
      this.#text[token] = 1;
      spelled.push({ token, key: String.fromCharCode(...bytes) });
    }
    this.textTokens = spelled.length;
    this.dropsFirstSpace =
      spaced !== undefined &&
      tokenizer.decode([spaced]) !== tokenizer.decode([spaced], { continuation: true });
    spelled.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.token - b.token));

    const bytes: number[] = [0];
    const depths: number[] = [0];
    const tokens: number[] = [-1];
    this.sameText = new Int32Array(this.vocabSize).fill(-1);
    let previous = "";
    /** Nodes on the way to the last token. */
    const path: number[] = [0];
    const ends: number[] = [0];
    let maxDepth = 0;
    for (const { token, key } of spelled) {
      let common = 0;
      while (common < previous.length && common < key.length && previous[common] === key[common]) common++;
      for (let depth = path.length - 1; depth > common; depth--) ends[path[depth]!] = bytes.length;
      path.length = common + 1;
      for (let i = common; i < key.length; i++) {
        path.push(bytes.length);
        bytes.push(key.charCodeAt(i));
        depths.push(i + 1);
        tokens.push(-1);
        ends.push(0);
      }
      const node = path.at(-1)!;
      this.sameText[token] = tokens[node]!;
      tokens[node] = token;
      maxDepth = Math.max(maxDepth, key.length);
      previous = key;
    }
    for (const node of path) ends[node] = bytes.length;
    this.bytes = Uint8Array.from(bytes);
    this.depths = Uint16Array.from(depths);
    this.tokens = Int32Array.from(tokens);
    this.ends = Int32Array.from(ends);
    this.maxDepth = maxDepth;
  }

  /** Whether the token stands for text. */
  isText(token: number): boolean {
    return this.#text[token] === 1;
  }

  tokenBytes(token: number): Uint8Array {
    return this.#tokenizer.tokenBytes(token);
  }

  /** The node below `node` to which `byte` leads. */
  child(node: number, byte: number): number | undefined {
    for (let at = node + 1; at < this.ends[node]!; at = this.ends[at]!)
      if (this.bytes[at] === byte) return at;
    return undefined;
  }

  /** Sets the bits of the tokens that end at a node. */
  mark(node: number, mask: Uint32Array): void {
    for (let token = this.tokens[node]!; token >= 0; token = this.sameText[token]!)
      mask[token >> 5]! |= 1 << (token & 31);
  }
}

const maxTokenBytes = 48;

/** `<tool_call>`, `[INST]`: marks of a chat format, even where a file lists them among the tokens of text. */
function isTag(bytes: Uint8Array): boolean {
  return /^(<.{3,}>|\[.{3,}\])$/s.test(String.fromCharCode(...bytes));
}

const tries = new WeakMap<Tokenizer, TokenTrie>();

/** The tree of a tokenizer, made when first asked for (some 100 ms for 150,000 tokens). */
export function tokenTrie(tokenizer: Tokenizer): TokenTrie {
  let trie = tries.get(tokenizer);
  if (!trie) {
    trie = new TokenTrie(tokenizer);
    tries.set(tokenizer, trie);
  }
  return trie;
}
