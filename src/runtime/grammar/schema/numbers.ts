/**
 * Numbers within bounds as regular expressions over their digits. At most 15 significant digits, so that no two
 * different numerals are the same double: a numeral above a bound is a number above it.
 */

import type { ByteAutomaton } from "../regex/byteAutomaton.ts";
import { parseRegex } from "../regex/parse.ts";
import type { Regex, RegexFactory } from "../regex/regex.ts";
import type { Bound } from "./resolve.ts";

const maxDigits = 15;
const largest = 10 ** maxDigits - 1;

export interface NumberLimits {
  minimum: Bound | undefined;
  maximum: Bound | undefined;
  /** Whole ones. */
  multiples: readonly number[];
}

/** Whole numbers, without leading zeros or a negative zero. */
export function integers({ minimum, maximum, multiples }: NumberLimits, { regexes }: ByteAutomaton): Regex {
  const numbers = new Numbers(regexes);
  const low = minimum === undefined ? -largest : wholeAbove(minimum);
  const high = maximum === undefined ? largest : -wholeAbove({ ...maximum, value: -maximum.value });
  const negative = numbers.range(Math.max(1, -high), Math.min(largest, -low));
  const positive = numbers.range(Math.max(0, low), Math.min(largest, high));
  const minus = regexes.literal("-");
  const divisible = (digits: Regex) =>
    regexes.and(digits, ...multiples.map((multiple) => regexes.multipleOf(multiple)));
  return regexes.alt(regexes.concat(minus, divisible(negative)), divisible(positive));
}

/** The least whole number that satisfies a lower bound. */
const wholeAbove = ({ value, exclusive }: Bound) =>
  exclusive && Number.isInteger(value) ? value + 1 : Math.ceil(value);

/** Decimal numbers; with exponents where nothing bounds them. */
export function decimals(limits: NumberLimits, bytes: ByteAutomaton): Regex {
  const { regexes } = bytes;
  const { minimum, maximum } = limits;
  if (limits.multiples.length > 0) return integers(limits, bytes);
  const regex = (pattern: string) => parseRegex(pattern, "full", regexes, "");
  if (!minimum && !maximum)
    return regex(`-?(0|[1-9]\\d{0,${maxDigits - 1}})(\\.\\d{1,${maxDigits}})?([eE][+-]?\\d{1,2})?`);
  const numbers = new Numbers(regexes);
  const form = regex(`(0|[1-9]\\d*)(\\.\\d+)?`);
  const short = regex(`\\d(\\.?\\d){0,${maxDigits - 1}}`);
  const atLeast = (bound: Bound | undefined) => (bound ? numbers.atLeast(bound) : regexes.all);
  const atMost = (bound: Bound | undefined) => (bound ? numbers.atMost(bound) : regexes.all);
  const negated = (bound: Bound | undefined) => bound && { ...bound, value: -bound.value };
  const positive = regexes.and(form, short, atLeast(minimum), atMost(maximum));
  const negative = regexes.and(form, short, atLeast(negated(maximum)), atMost(negated(minimum)));
  return regexes.alt(positive, regexes.concat(regexes.literal("-"), negative));
}

class Numbers {
  readonly #digit: Regex;
  readonly #digits: Regex;

  constructor(private readonly regexes: RegexFactory) {
    this.#digit = this.#between(0, 9);
    this.#digits = regexes.repeat(this.#digit, 0);
  }

  #between(first: number, last: number): Regex {
    return first > last ? this.regexes.none : this.regexes.chars([0x30 + first, 0x30 + last]);
  }

  /** Whole numbers from `low` to `high`, both from 0 to {@link largest}. */
  range(low: number, high: number): Regex {
    if (low > high) return this.regexes.none;
    const parts: Regex[] = [];
    for (let length = String(low).length; length <= String(high).length; length++) {
      const first = length === 1 ? 0 : 10 ** (length - 1);
      const [from, to] = [Math.max(low, first), Math.min(high, 10 ** length - 1)];
      parts.push(this.#sameLength(String(from), String(to)));
    }
    return this.regexes.alt(...parts);
  }

  #sameLength(low: string, high: string): Regex {
    if (low === "") return this.regexes.empty;
    const { concat, alt } = this.#ops;
    const [first, last] = [Number(low[0]), Number(high[0])];
    const [lowRest, highRest] = [low.slice(1), high.slice(1)];
    const nines = "9".repeat(lowRest.length);
    const zeros = "0".repeat(lowRest.length);
    if (first === last) return concat(this.#between(first, first), this.#sameLength(lowRest, highRest));
    if (lowRest === zeros && highRest === nines)
      return concat(this.#between(first, last), this.regexes.repeat(this.#digit, zeros.length, zeros.length));
    const whole = this.regexes.repeat(this.#digit, zeros.length, zeros.length);
    return alt(
      concat(this.#between(first, first), this.#sameLength(lowRest, nines)),
      concat(this.#between(first + 1, last - 1), whole),
      concat(this.#between(last, last), this.#sameLength(zeros, highRest)),
    );
  }

  get #ops() {
    return {
      concat: (...parts: Regex[]) => this.regexes.concat(...parts),
      alt: (...parts: Regex[]) => this.regexes.alt(...parts),
    };
  }

  /** Numerals without a sign, `12` or `12.5`, of numbers not below the bound. */
  atLeast({ value, exclusive }: Bound): Regex {
    if (value < 0) return this.regexes.all;
    const { whole, fraction } = digitsOf(value);
    if (whole > largest) return this.regexes.none;
    const { concat, alt } = this.#ops;
    const anyFraction = this.regexes.optional(concat(this.regexes.literal("."), this.#digits));
    const equal = concat(this.regexes.literal("."), this.#fractionAtLeast(fraction, exclusive));
    const withoutFraction = fraction === "" && !exclusive ? this.regexes.empty : this.regexes.none;
    return alt(
      concat(this.range(whole + 1, largest), anyFraction),
      concat(this.range(whole, whole), alt(withoutFraction, equal)),
    );
  }

  atMost({ value, exclusive }: Bound): Regex {
    if (value < 0 || (value === 0 && exclusive)) return this.regexes.none;
    const { whole, fraction } = digitsOf(value);
    if (whole > largest) return this.regexes.all;
    const { concat, alt } = this.#ops;
    const anyFraction = this.regexes.optional(concat(this.regexes.literal("."), this.#digits));
    const equal = concat(this.regexes.literal("."), this.#fractionAtMost(fraction, exclusive));
    const withoutFraction = fraction === "" && exclusive ? this.regexes.none : this.regexes.empty;
    return alt(
      concat(whole === 0 ? this.regexes.none : this.range(0, whole - 1), anyFraction),
      concat(this.range(whole, whole), alt(withoutFraction, equal)),
    );
  }

  /** Digits after the point that are not below `digits`, which do not end in zeros. */
  #fractionAtLeast(digits: string, exclusive: boolean): Regex {
    const { concat, alt } = this.#ops;
    if (digits === "")
      return exclusive ? concat(this.#digits, this.#between(1, 9), this.#digits) : this.#digits;
    const first = Number(digits[0]);
    return alt(
      concat(this.#between(first + 1, 9), this.#digits),
      concat(this.#between(first, first), this.#fractionAtLeast(digits.slice(1), exclusive)),
    );
  }

  #fractionAtMost(digits: string, exclusive: boolean): Regex {
    const { concat, alt } = this.#ops;
    const zeros = this.regexes.repeat(this.#between(0, 0), 0);
    if (digits === "") return exclusive ? this.regexes.none : zeros;
    const first = Number(digits[0]);
    return alt(
      this.regexes.empty, // digits that end here are smaller: more follow in the bound, the last not zero
      concat(this.#between(0, first - 1), this.#digits),
      concat(this.#between(first, first), this.#fractionAtMost(digits.slice(1), exclusive)),
    );
  }
}

/** A number from 0 on as its shortest decimal digits (which tell doubles apart), before and after the point. */
function digitsOf(value: number): { whole: number; fraction: string } {
  const match = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value))!;
  const exponent = Number(match[3] ?? 0);
  if (exponent > 0) return { whole: value, fraction: "" };
  if (exponent === 0) return { whole: Number(match[1]), fraction: match[2] ?? "" };
  return { whole: 0, fraction: `${"0".repeat(-exponent - 1)}${match[1]}${match[2] ?? ""}` };
}
