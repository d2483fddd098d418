/** Strings, numbers and listed values of a schema as regular expressions. */

import type { ByteAutomaton } from "../regex/byteAutomaton.ts";
import { anyChar } from "../regex/charSet.ts";
import { parseRegex } from "../regex/parse.ts";
import type { Regex } from "../regex/regex.ts";
import { formats } from "./formats.ts";
import type { SchemaErrors, Type } from "./keywords.ts";
import { decimals, integers } from "./numbers.ts";
import type { Flat } from "./resolve.ts";

/** Divisors up to here have their remainders as states. */
const maxMultiple = 1000;

export class Scalars {
  constructor(
    private readonly bytes: ByteAutomaton,
    private readonly errors: SchemaErrors,
  ) {}

  /** The strings that are valid, as they are (not as JSON). */
  strings(flat: Flat): Regex {
    const { regexes } = this.bytes;
    const parts = flat.patterns.map((pattern) => this.pattern(pattern));
    for (const format of flat.formats) {
      if (!Object.hasOwn(formats, format))
        throw this.errors.at(flat.path, `the format '${format.slice(0, 40)}' is not supported`);
      parts.push(parseRegex(formats[format]!, "full", regexes, this.errors.param));
    }
    const { min, max } = flat.length;
    if (min > 0 || max < Number.POSITIVE_INFINITY)
      parts.push(regexes.repeat(regexes.chars(anyChar), min, max));
    return regexes.and(...parts);
  }

  /** Texts in which a pattern of a schema is found. */
  pattern(pattern: string): Regex {
    return parseRegex(pattern, "search", this.bytes.regexes, this.errors.param);
  }

  numbers(flat: Flat, type: "integer" | "number"): Regex {
    const multiples = flat.multiples.map((multiple) => {
      if (Number.isInteger(multiple) && multiple <= maxMultiple) return multiple;
      throw this.errors.at(
        flat.path,
        `'multipleOf' ${multiple} is not supported, only whole numbers up to ${maxMultiple}`,
      );
    });
    const limits = { minimum: flat.minimum, maximum: flat.maximum, multiples };
    return type === "integer" ? integers(limits, this.bytes) : decimals(limits, this.bytes);
  }

  /** Those of the schema's listed values that its other keywords allow. */
  values(flat: Flat): unknown[] {
    return flat.values!.filter((value) => this.allows(flat, value));
  }

  /** Whether a value is valid, apart from its being listed. */
  allows(flat: Flat, value: unknown): boolean {
    const type = typeOf(value);
    if (flat.types && !flat.types.has(type) && !(type === "integer" && flat.types.has("number")))
      return false;
    const { regexes } = this.bytes;
    switch (type) {
      case "string":
        return regexes.matches(this.strings(flat), value as string);
      case "integer":
      case "number": {
        const number = value as number;
        const { minimum, maximum, multiples } = flat;
        if (minimum && !(minimum.exclusive ? number > minimum.value : number >= minimum.value)) return false;
        if (maximum && !(maximum.exclusive ? number < maximum.value : number <= maximum.value)) return false;
        return multiples.every((multiple) => Number.isInteger(number / multiple));
      }
      case "array":
        if (flat.arrays.length > 0 || flat.itemCount.min > 0 || flat.itemCount.max < Infinity || flat.unique)
          throw this.errors.at(flat.path, "listed arrays beside keywords for their items are not supported");
        return true;
      case "object": {
        const { objects, required, propertyNames, propertyCount: count } = flat;
        if (
          objects.length + required.size + propertyNames.length > 0 ||
          count.min > 0 ||
          count.max < Infinity
        )
          throw this.errors.at(
            flat.path,
            "listed objects beside keywords for their properties are not supported",
          );
        return true;
      }
      default:
        return true;
    }
  }
}

export function typeOf(value: unknown): Type {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value as Type;
}

/** The types of the values of a schema: as it says, else those that its keywords speak of, else all. */
export function typesOf(flat: Flat): ReadonlySet<Type> {
  if (flat.types) return flat.types;
  if (flat.implied.size > 0) return flat.implied;
  return new Set(["object", "array", "string", "number", "boolean", "null"]);
}
