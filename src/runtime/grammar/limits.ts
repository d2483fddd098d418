/** What keeps hostile grammars from costing memory or time without bound. */

import { invalidRequest, type OmniError } from "../errors.ts";

export const limits = {
  /** Nested groups, schemas, rules. */
  depth: 100,
  /** Characters of a regular expression or grammar. */
  sourceLength: 100_000,
  /** Product of nested counted repetitions such as (a{9}){9}. */
  nestedRepeats: 10_000,
  /** States explored to find out whether an intersection matches anything. */
  liveSearch: 20_000,
  /** Work of one mask or one compilation, in derivatives and parse items. A second or so. */
  fuel: 3_000_000,
  /** Nodes of a compiled grammar. */
  nodes: 100_000,
  /** Schemas within a schema, combinations included. */
  schemas: 5_000,
  /** Ways to parse the text so far that are kept at once. */
  parseItems: 20_000,
} as const;

/** A grammar that is well-formed but costs too much. */
export function tooComplex(what: string): OmniError {
  return invalidRequest(`The grammar is too complex: ${what}.`, undefined, "grammar_too_complex");
}

/** Counts work down and ends it when there was too much. */
export class Fuel {
  #left: number = limits.fuel;

  refill(): void {
    this.#left = limits.fuel;
  }

  burn(amount = 1): void {
    this.#left -= amount;
    if (this.#left < 0) throw tooComplex("it takes too much time to find what may come next");
  }
}
