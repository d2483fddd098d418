/** A grammar as the engine's {@link TokenConstraint}. */

import type { TokenConstraint } from "../engine/types.ts";
import { OmniError } from "../errors.ts";
import type { GrammarMasks } from "./masks.ts";
import type { ParseSet } from "./parser.ts";

export class GrammarConstraint implements TokenConstraint {
  #set: ParseSet;
  #first: boolean;
  #ended = false;

  /** @param first whether the text is the first that the detokenizer sees */
  constructor(
    private readonly masks: GrammarMasks,
    first: boolean,
    set = masks.parser.start,
  ) {
    this.#set = set;
    this.#first = first;
  }

  get done(): boolean {
    return this.#ended || (this.#set.accepting && this.#set.items.length === 0);
  }

  /** Whether the text is complete as it is. */
  get mayEnd(): boolean {
    return this.#set.accepting;
  }

  mask(): Uint32Array {
    return this.masks.of(this.#set, this.#first);
  }

  accept(token: number): void {
    const { trie } = this.masks;
    if (this.#set.accepting && trie.endTokens.includes(token)) {
      this.#ended = true;
      return;
    }
    let bytes = trie.tokenBytes(token);
    if (this.#first && trie.dropsFirstSpace && bytes[0] === 0x20) bytes = bytes.subarray(1);
    if (!trie.isText(token) || !this.acceptBytes(bytes))
      throw new OmniError("internal_error", `Token ${token} was drawn, which the grammar does not allow.`);
  }

  /** Moves on by bytes that are no token of their own; whether the grammar allows them. */
  acceptBytes(bytes: Iterable<number>): boolean {
    const set = this.masks.advance(this.#set, bytes);
    if (!set) return false;
    this.#set = set;
    this.#first = false;
    return true;
  }

  fork(): GrammarConstraint {
    const copy = new GrammarConstraint(this.masks, this.#first, this.#set);
    copy.#ended = this.#ended;
    return copy;
  }

  dispose(): void {}
}
