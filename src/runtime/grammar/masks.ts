/**
 * The tokens that a grammar allows next. Which tokens stay within a terminal depends on its automaton's state alone and
 * is found once, whatever surrounds the terminal; only tokens that go on past its end are tried against the parser, and
 * those are few. So the many tokens inside a JSON string are not looked at again for each field.
 */

import { invalidRequest } from "../errors.ts";
import type { Item, Parser, ParseSet } from "./parser.ts";
import { type ByteAutomaton, dead } from "./regex/byteAutomaton.ts";
import type { TokenTrie } from "./tokenTrie.ts";

/** What the tokens do from a state within a terminal. */
interface TerminalTokens {
  /** Those that stay within it or end with it: their ids if they are few, else a mask. */
  allowed: Int32Array | Uint32Array;
  dense: boolean;
  /** Nodes of the trie at which the terminal may be complete and tokens go on. */
  exits: Int32Array;
}

/** Bytes of masks that are kept. */
const maxCachedBytes = 48 * 2 ** 20;

/** Masks of terminals, shared by all grammars over one automaton and vocabulary. */
export class TerminalMasks {
  readonly #known = new Map<number, TerminalTokens>();
  readonly #relaxed = new Map<number, number>();
  #cachedBytes = 0;

  constructor(
    private readonly bytes: ByteAutomaton,
    private readonly trie: TokenTrie,
  ) {}

  of(exact: number): TerminalTokens {
    let state = this.#relaxed.get(exact);
    if (state === undefined) {
      state = this.bytes.relaxed(exact, this.trie.maxDepth);
      this.#relaxed.set(exact, state);
    }
    let tokens = this.#known.get(state);
    if (!tokens) {
      tokens = this.#walk(state);
      if (this.#cachedBytes > maxCachedBytes) {
        this.#known.clear();
        this.#cachedBytes = 0;
      }
      this.#cachedBytes += tokens.allowed.byteLength + tokens.exits.byteLength + 200;
      this.#known.set(state, tokens);
    }
    return tokens;
  }

  #walk(start: number): TerminalTokens {
    const { bytes, depths, ends, tokens, sameText, maxDepth, vocabSize } = this.trie;
    const mask = new Uint32Array(Math.ceil(vocabSize / 32));
    const exits: number[] = [];
    let count = 0;
    const rows: Int32Array[] = new Array(maxDepth + 1).fill(this.bytes.row(start));
    const end = bytes.length;
    for (let node = 1; node < end; ) {
      const depth = depths[node]!;
      const state = rows[depth - 1]![bytes[node]!]!;
      const below = ends[node]!;
      if (state === dead) {
        node = below;
        continue;
      }
      for (let token = tokens[node]!; token >= 0; token = sameText[token]!) {
        mask[token >> 5]! |= 1 << (token & 31);
        count++;
      }
      if (below > ++node) {
        rows[depth] = this.bytes.row(state);
        if (this.bytes.isFinal(state)) exits.push(node - 1);
      }
    }
    // A word of the mask costs as much as one id.
    const dense = count > mask.length;
    return { allowed: dense ? mask : idsOf(mask, count), dense, exits: Int32Array.from(exits) };
  }
}

function idsOf(mask: Uint32Array, count: number): Int32Array {
  const ids = new Int32Array(count);
  let at = 0;
  for (let word = 0; at < count; word++)
    for (let bits = mask[word]!; bits !== 0; bits &= bits - 1)
      ids[at++] = word * 32 + 31 - Math.clz32(bits & -bits);
  return ids;
}

/** Masks of the parse sets of one grammar. */
export class GrammarMasks {
  readonly #known = new Map<ParseSet, Uint32Array>();

  constructor(
    readonly parser: Parser,
    readonly trie: TokenTrie,
    private readonly bytes: ByteAutomaton,
    private readonly terminals: TerminalMasks,
  ) {}

  /**
   * The tokens that may follow a text, end tokens included where it may end.
   * @param first whether nothing precedes the text, so that the detokenizer may drop a space
   */
  of(set: ParseSet, first: boolean): Uint32Array {
    if (first && this.trie.dropsFirstSpace) return this.#compute(set, true);
    let mask = this.#known.get(set);
    if (!mask) {
      mask = this.#compute(set, false);
      if (this.#known.size * mask.byteLength > maxCachedBytes) this.#known.clear();
      this.#known.set(set, mask);
    }
    return mask;
  }

  /** The set after some bytes; undefined where the grammar does not allow them. */
  advance(set: ParseSet, bytes: Iterable<number>): ParseSet | undefined {
    this.bytes.fuel.refill();
    let next: ParseSet | undefined = set;
    for (const byte of bytes) {
      next = this.parser.step(next, byte);
      if (!next) return undefined;
    }
    return next;
  }

  #compute(set: ParseSet, first: boolean): Uint32Array {
    this.bytes.fuel.refill();
    const mask = new Uint32Array(Math.ceil(this.trie.vocabSize / 32));
    const space = first ? this.trie.child(0, 0x20) : undefined;
    if (space === undefined) {
      const done = new Set<number>();
      for (const item of set.items) {
        const { allowed, dense, exits } = this.terminals.of(item.state);
        if (!done.has(item.state)) {
          if (dense) for (let i = 0; i < allowed.length; i++) mask[i]! |= allowed[i]!;
          else for (const token of allowed) mask[token >> 5]! |= 1 << (token & 31);
          done.add(item.state);
        }
        if (exits.length > 0) this.#goOn(set, item, exits, mask);
      }
    } else {
      // The first space will not be seen: what follows it has to match, or what does not begin with one.
      for (let child = 1; child < this.trie.ends[0]!; child = this.trie.ends[child]!) {
        if (child === space) {
          this.trie.mark(space, mask);
          this.#walk(set, space, mask);
          continue;
        }
        const next = this.parser.step(set, this.trie.bytes[child]!);
        if (!next) continue;
        this.trie.mark(child, mask);
        this.#walk(next, child, mask);
      }
    }
    if (set.accepting) for (const token of this.trie.endTokens) mask[token >> 5]! |= 1 << (token & 31);
    if (mask.every((word) => word === 0))
      throw invalidRequest(
        "No token of this model's vocabulary can spell what the grammar demands next.",
        undefined,
        "grammar_vocabulary",
      );
    return mask;
  }

  /** Tokens that go on after `item`'s terminal is complete at one of `exits`. */
  #goOn(set: ParseSet, item: Item, exits: Int32Array, mask: Uint32Array): void {
    const next = this.parser.after(set, item);
    if (next === undefined || next.items.length === 0) return;
    for (const node of exits) this.#walk(next, node, mask);
  }

  /** All tokens below `node` that the parser takes from `set` on. */
  #walk(set: ParseSet, node: number, mask: Uint32Array): void {
    const { bytes, depths, ends } = this.trie;
    const base = depths[node]!;
    const sets: ParseSet[] = [set];
    const end = ends[node]!;
    for (let at = node + 1; at < end; ) {
      const depth = depths[at]! - base;
      const next = this.parser.step(sets[depth - 1]!, bytes[at]!);
      if (!next) {
        at = ends[at]!;
        continue;
      }
      this.trie.mark(at, mask);
      sets[depth] = next;
      at++;
    }
  }
}
