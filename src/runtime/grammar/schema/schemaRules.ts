/**
 * JSON schemas as grammars. What a grammar writes is always valid; where a schema leaves things open it may allow less
 * than the schema does: properties come in the schema's order, an object with `properties` gets no others unless
 * `additionalProperties` asks for them, a tuple no more items than `prefixItems`, numbers have at most 15 digits, and
 * keywords for one type stand for that type where `type` is missing.
 */

import { limits, tooComplex } from "../limits.ts";
import type { ByteAutomaton } from "../regex/byteAutomaton.ts";
import { parseRegex } from "../regex/parse.ts";
import type { Regex } from "../regex/regex.ts";
import { call, choice, type Expression, type Rules } from "../rules.ts";
import { arrayExpression } from "./arrays.ts";
import { Exclusive } from "./exclusive.ts";
import { type Place, SchemaErrors, type Type } from "./keywords.ts";
import { objectExpression } from "./objects.ts";
import { type Flat, Resolver } from "./resolve.ts";
import { Scalars, typesOf } from "./scalars.ts";

/** White space that values may be written with: a space, or a line and its indentation. */
const whiteSpace = "( |\\n[ \\t]{0,24})?";

/** What the parts of the translation share. */
export interface SchemaContext {
  bytes: ByteAutomaton;
  scalars: Scalars;
  errors: SchemaErrors;
  /** A terminal of plain text. */
  text(regex: Regex): Expression;
  /** Punctuation, with white space where `_` stands. */
  mark(pattern: string): Expression;
  /** A value that is valid under all of these schemas. */
  value(places: readonly Place[]): Expression;
  resolve(places: readonly Place[]): Flat[];
}

/** @throws OmniError `invalid_request` that names the place and keyword that is wrong or cannot be enforced */
export function schemaRules(schema: unknown, bytes: ByteAutomaton, param: string): Rules {
  const translation = new Translation(schema, bytes, param);
  const root = translation.ruleOf([{ schema, path: "#" }]);
  return { root, define: (name) => translation.define(name) };
}

class Translation implements SchemaContext {
  readonly errors: SchemaErrors;
  readonly scalars: Scalars;
  readonly #resolver: Resolver;
  /** Schemas by number, so that rules can be told apart by what they stand for. */
  readonly #numbers = new Map<unknown, number>();
  readonly #places = new Map<string, readonly Place[]>();
  readonly #marks = new Map<string, Expression>();

  constructor(
    schema: unknown,
    readonly bytes: ByteAutomaton,
    param: string,
  ) {
    this.errors = new SchemaErrors(param);
    this.scalars = new Scalars(bytes, this.errors);
    const exclusive = new Exclusive(bytes, this.scalars, this.errors, () => this.#resolver);
    this.#resolver = new Resolver(schema, this.errors, (branches, path) => exclusive.check(branches, path));
  }

  /** The name of the rule of values that are valid under all of `places`. */
  ruleOf(places: readonly Place[]): string {
    const numbers = places
      .filter(({ schema }) => schema !== true)
      .map(({ schema }) => {
        let number = this.#numbers.get(schema);
        if (number === undefined) {
          number = this.#numbers.size;
          this.#numbers.set(schema, number);
        }
        return number;
      });
    const name = `value ${[...new Set(numbers)].sort((a, b) => a - b).join("&")}`;
    if (this.#places.size > limits.schemas) throw tooComplex(`it has more than ${limits.schemas} schemas`);
    if (!this.#places.has(name)) this.#places.set(name, places);
    return name;
  }

  define(name: string): Expression {
    return choice(...this.resolve(this.#places.get(name)!).map((flat) => this.#flat(flat)));
  }

  value(places: readonly Place[]): Expression {
    return call(this.ruleOf(places));
  }

  resolve(places: readonly Place[]): Flat[] {
    return this.#resolver.resolve(places);
  }

  text(regex: Regex): Expression {
    return { kind: "terminal", regex, encoding: "utf8" };
  }

  mark(pattern: string): Expression {
    let mark = this.#marks.get(pattern);
    if (!mark) {
      const source = pattern.replaceAll("_", whiteSpace);
      mark = this.text(parseRegex(source, "full", this.bytes.regexes, this.errors.param));
      this.#marks.set(pattern, mark);
    }
    return mark;
  }

  #flat(flat: Flat): Expression {
    const { regexes } = this.bytes;
    if (flat.values) {
      const texts = this.scalars.values(flat).map((value) => regexes.literal(JSON.stringify(value)));
      return this.text(regexes.alt(...texts));
    }
    const types = new Set(typesOf(flat));
    if (types.has("number")) types.delete("integer");
    return choice(...Array.from(types, (type) => this.#typed(flat, type)));
  }

  #typed(flat: Flat, type: Type): Expression {
    const { regexes } = this.bytes;
    switch (type) {
      case "null":
        return this.text(regexes.literal("null"));
      case "boolean":
        return this.text(regexes.alt(regexes.literal("true"), regexes.literal("false")));
      case "integer":
      case "number":
        return this.text(this.scalars.numbers(flat, type));
      case "string":
        return { kind: "terminal", regex: this.scalars.strings(flat), encoding: "json" };
      case "array":
        return arrayExpression(flat, this);
      case "object":
        return objectExpression(flat, this);
    }
  }
}
