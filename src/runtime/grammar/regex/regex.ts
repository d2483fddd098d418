/**
 * Regular expressions over code points as hash-consed terms, with intersection and complement, matched by derivatives:
 * the states of the automaton are terms, and only those that a text reaches are ever made. So counted repetitions cost
 * nothing before they are used. After J. Brzozowski, "Derivatives of Regular Expressions", 1964, and S. Owens et al.,
 * "Regular-expression derivatives re-examined", 2009.
 */

import type { Fuel } from "../limits.ts";
import { anyChar, type CharSet, contains } from "./charSet.ts";

/** A term. Two terms of one {@link RegexFactory} that are built alike are the same object. */
export type Regex = {
  readonly id: number;
  /** Whether the empty text matches. */
  readonly nullable: boolean;
  /** No match is shorter. */
  readonly minLength: number;
  /** Whether there is an intersection, complement or remainder inside: then a term may match nothing at all. */
  readonly extended: boolean;
} & (
  | { readonly kind: "none" | "empty" }
  | { readonly kind: "chars"; readonly set: CharSet }
  | { readonly kind: "concat"; readonly first: Regex; readonly rest: Regex }
  | { readonly kind: "alt" | "and"; readonly parts: readonly Regex[] }
  | { readonly kind: "not"; readonly of: Regex }
  | { readonly kind: "repeat"; readonly of: Regex; readonly min: number; readonly max: number }
  /** Digits whose number leaves `residue` so far and has to be divisible by `modulus` in the end. */
  | { readonly kind: "modulo"; readonly modulus: number; readonly residue: number; readonly started: boolean }
);

type Shape = Regex extends infer R ? (R extends Regex ? Omit<R, "id" | keyof Facts> : never) : never;
interface Facts {
  nullable: boolean;
  minLength: number;
  extended: boolean;
}

export class RegexFactory {
  readonly none: Regex;
  readonly empty: Regex;
  /** Any text. */
  readonly all: Regex;
  readonly anyChar: Regex;
  readonly #terms = new Map<string, Regex>();
  readonly #derivatives = new Map<Regex, Map<number, Regex>>();

  constructor(private readonly fuel: Fuel) {
    this.none = this.#intern(
      "none",
      { kind: "none" },
      { nullable: false, minLength: Infinity, extended: false },
    );
    this.empty = this.#intern("empty", { kind: "empty" }, { nullable: true, minLength: 0, extended: false });
    this.anyChar = this.chars(anyChar);
    this.all = this.repeat(this.anyChar, 0);
  }

  get size(): number {
    return this.#terms.size;
  }

  chars(set: CharSet): Regex {
    if (set.length === 0) return this.none;
    return this.#intern(
      `c${set.join()}`,
      { kind: "chars", set },
      { nullable: false, minLength: 1, extended: false },
    );
  }

  literal(text: string): Regex {
    const parts = Array.from(text, (char) => {
      const codePoint = char.codePointAt(0)!;
      return this.chars([codePoint, codePoint]);
    });
    return this.concat(...parts);
  }

  concat(...parts: Regex[]): Regex {
    return parts.reduceRight((rest, first) => this.#pair(first, rest), this.empty);
  }

  #pair(first: Regex, rest: Regex): Regex {
    if (first === this.none || rest === this.none) return this.none;
    if (first === this.empty) return rest;
    if (rest === this.empty) return first;
    if (first.kind === "concat") return this.#pair(first.first, this.#pair(first.rest, rest));
    return this.#intern(
      `.${first.id},${rest.id}`,
      { kind: "concat", first, rest },
      {
        nullable: first.nullable && rest.nullable,
        minLength: first.minLength + rest.minLength,
        extended: first.extended || rest.extended,
      },
    );
  }

  alt(...parts: Regex[]): Regex {
    const flat = this.#flatten("alt", parts);
    flat.delete(this.none);
    if (flat.has(this.all)) return this.all;
    if (flat.has(this.empty) && [...flat].some((part) => part !== this.empty && part.nullable))
      flat.delete(this.empty);
    return this.#set("alt", flat, this.none, {
      nullable: [...flat].some((part) => part.nullable),
      minLength: Math.min(...Array.from(flat, (part) => part.minLength)),
    });
  }

  and(...parts: Regex[]): Regex {
    const flat = this.#flatten("and", parts);
    flat.delete(this.all);
    if (flat.has(this.none)) return this.none;
    if (flat.has(this.empty)) return [...flat].every((part) => part.nullable) ? this.empty : this.none;
    return this.#set("and", flat, this.all, {
      nullable: [...flat].every((part) => part.nullable),
      minLength: Math.max(...Array.from(flat, (part) => part.minLength)),
    });
  }

  not(of: Regex): Regex {
    if (of.kind === "not") return of.of;
    if (of === this.none) return this.all;
    if (of === this.all) return this.none;
    return this.#intern(
      `!${of.id}`,
      { kind: "not", of },
      { nullable: !of.nullable, minLength: of.nullable ? 1 : 0, extended: true },
    );
  }

  repeat(of: Regex, min: number, max = Number.POSITIVE_INFINITY): Regex {
    if (min > max || (of === this.none && min > 0)) return this.none;
    if (max === 0 || of === this.none || of === this.empty) return this.empty;
    if (of.nullable) min = 0;
    if (min === 1 && max === 1) return of;
    if (of.kind === "repeat" && of.min === 0 && of.max === Number.POSITIVE_INFINITY) return of;
    return this.#intern(
      `*${of.id},${min},${max}`,
      { kind: "repeat", of, min, max },
      { nullable: min === 0, minLength: min * of.minLength || 0, extended: of.extended },
    );
  }

  optional(of: Regex): Regex {
    return this.repeat(of, 0, 1);
  }

  /** Decimal digits whose number is divisible by `modulus`. */
  multipleOf(modulus: number): Regex {
    return this.#modulo(modulus, 0, false);
  }

  /** What may follow a character. `char` is any of one {@link firstSets} cell. */
  derivative(term: Regex, char: number): Regex {
    switch (term.kind) {
      case "none":
      case "empty":
        return this.none;
      case "chars":
        return contains(term.set, char) ? this.empty : this.none;
      case "modulo":
        if (char < 0x30 || char > 0x39) return this.none;
        return this.#modulo(term.modulus, (term.residue * 10 + char - 0x30) % term.modulus, true);
    }
    const known = this.#derivatives.get(term)?.get(char);
    if (known) return known;
    this.fuel.burn();
    const result = this.#derive(term, char);
    let memo = this.#derivatives.get(term);
    if (!memo) {
      memo = new Map();
      this.#derivatives.set(term, memo);
    }
    memo.set(char, result);
    return result;
  }

  #derive(term: Regex, char: number): Regex {
    switch (term.kind) {
      case "concat": {
        const first = this.#pair(this.derivative(term.first, char), term.rest);
        return term.first.nullable ? this.alt(first, this.derivative(term.rest, char)) : first;
      }
      case "repeat": {
        const rest = this.repeat(term.of, Math.max(term.min - 1, 0), term.max - 1);
        return this.#pair(this.derivative(term.of, char), rest);
      }
      case "alt":
        return this.alt(...term.parts.map((part) => this.derivative(part, char)));
      case "and":
        return this.and(...term.parts.map((part) => this.derivative(part, char)));
      case "not":
        return this.not(this.derivative(term.of, char));
      default:
        throw new Error(`no derivative of ${term.kind}`);
    }
  }

  /**
   * A term that no text of up to `length` characters tells from this one, what may follow it included: repetitions that
   * such a text cannot finish need not be counted. Intersections stay: there a count may decide whether anything matches.
   */
  relaxed(term: Regex, length: number): Regex {
    if (term.extended) return term;
    switch (term.kind) {
      case "repeat": {
        const of = this.relaxed(term.of, length);
        if (of.minLength === 0) return term;
        const max = term.max > length ? Number.POSITIVE_INFINITY : term.max;
        return this.repeat(of, Math.min(term.min, length + 1), max);
      }
      case "concat":
        return this.#pair(this.relaxed(term.first, length), this.relaxed(term.rest, length));
      case "alt":
        return this.alt(...term.parts.map((part) => this.relaxed(part, length)));
      default:
        return term;
    }
  }

  /** Whether the whole text matches. */
  matches(term: Regex, text: string): boolean {
    for (const char of text) term = this.derivative(term, char.codePointAt(0)!);
    return term.nullable;
  }

  #modulo(modulus: number, residue: number, started: boolean): Regex {
    return this.#intern(
      `%${modulus},${residue},${started}`,
      { kind: "modulo", modulus, residue, started },
      { nullable: started && residue === 0, minLength: started && residue === 0 ? 0 : 1, extended: false },
    );
  }

  #flatten(kind: "alt" | "and", parts: readonly Regex[]): Set<Regex> {
    const flat = new Set<Regex>();
    for (const part of parts) {
      if (part.kind === kind) {
        this.fuel.burn(part.parts.length);
        for (const inner of part.parts) flat.add(inner);
      } else flat.add(part);
    }
    return flat;
  }

  #set(kind: "alt" | "and", flat: Set<Regex>, neutral: Regex, facts: Omit<Facts, "extended">): Regex {
    if (flat.size === 0) return neutral;
    const parts = [...flat].sort((a, b) => a.id - b.id);
    if (parts.length === 1) return parts[0]!;
    this.fuel.burn(parts.length);
    const extended = kind === "and" || parts.some((part) => part.extended);
    return this.#intern(
      `${kind}${parts.map(({ id }) => id).join()}`,
      { kind, parts },
      { ...facts, extended },
    );
  }

  #intern(key: string, shape: Shape, facts: Facts): Regex {
    let term = this.#terms.get(key);
    if (!term) {
      term = { id: this.#terms.size, ...shape, ...facts } as Regex;
      this.#terms.set(key, term);
    }
    return term;
  }
}
