/**
 * The syntax of regular expressions, as in JavaScript with the `u` flag (which JSON schemas use) and as far as Python's
 * is the same. Refused: back references, look-around and word boundaries, because no automaton of bounded size, or no
 * simple one, has them.
 */

import { invalidRequest, type OmniError } from "../../errors.ts";
import { limits } from "../limits.ts";
import { anyChar, type CharSet, charSet, charsOf, complement, contains, union } from "./charSet.ts";
import type { Regex, RegexFactory } from "./regex.ts";

/**
 * A part of a pattern by what it asserts about where it stands: nothing, that it begins the text, that it ends it, or
 * both. `^` is an empty `begin`.
 */
interface Anchored {
  free: Regex;
  begin: Regex;
  end: Regex;
  both: Regex;
}

/**
 * @param matching `search` finds the pattern anywhere in a text, as JSON schemas do; `full` matches all of it
 * @param param the request field, for errors
 * @throws OmniError `invalid_request` that says what is wrong and where
 */
export function parseRegex(
  source: string,
  matching: "search" | "full",
  regexes: RegexFactory,
  param: string,
): Regex {
  if (source.length > limits.sourceLength)
    throw invalidRequest(`Invalid '${param}': the pattern has ${source.length} characters.`, param);
  const { free, begin, end, both } = new Parser(source, regexes, param).parse();
  const around = matching === "search" ? regexes.all : regexes.empty;
  return regexes.alt(
    regexes.concat(around, free, around),
    regexes.concat(begin, around),
    regexes.concat(around, end),
    both,
  );
}

class Parser {
  readonly #chars: string[];
  #at = 0;
  #depth = 0;
  /** Product of the counted repetitions around what was read last, at most. */
  #repeats = 1;

  constructor(
    private readonly source: string,
    private readonly regexes: RegexFactory,
    private readonly param: string,
  ) {
    this.#chars = Array.from(source);
  }

  parse(): Anchored {
    const result = this.#alternatives();
    if (this.#at < this.#chars.length) throw this.#error("unmatched ')'");
    return result;
  }

  get #next(): string | undefined {
    return this.#chars[this.#at];
  }

  #take(text: string): boolean {
    if (
      !this.#chars
        .slice(this.#at, this.#at + text.length)
        .join("")
        .startsWith(text)
    )
      return false;
    this.#at += text.length;
    return true;
  }

  #error(what: string): OmniError {
    const shown = this.source.length > 60 ? `${this.source.slice(0, 60)}…` : this.source;
    return invalidRequest(
      `Invalid '${this.param}': ${what} at character ${this.#at} of the pattern ${JSON.stringify(shown)}.`,
      this.param,
      "invalid_regex",
    );
  }

  #free(free: Regex): Anchored {
    const { none } = this.regexes;
    return { free, begin: none, end: none, both: none };
  }

  #alternatives(): Anchored {
    if (++this.#depth > limits.depth) throw this.#error("too many nested groups");
    const all: Anchored[] = [];
    let most = 1;
    do {
      all.push(this.#sequence());
      most = Math.max(most, this.#repeats);
    } while (this.#take("|"));
    this.#repeats = most;
    this.#depth--;
    const alt = (key: keyof Anchored) => this.regexes.alt(...all.map((part) => part[key]));
    return { free: alt("free"), begin: alt("begin"), end: alt("end"), both: alt("both") };
  }

  #sequence(): Anchored {
    const items: Anchored[] = [];
    let most = 1;
    while (this.#next !== undefined && this.#next !== "|" && this.#next !== ")") {
      this.#repeats = 1;
      items.push(this.#item());
      most = Math.max(most, this.#repeats);
    }
    this.#repeats = most;
    return items.reduceRight((rest, first) => this.#concat(first, rest), this.#free(this.regexes.empty));
  }

  /** What asserts the beginning can only come after nothing, what asserts the end only before nothing. */
  #concat(a: Anchored, b: Anchored): Anchored {
    const { empty, none } = this.regexes;
    const concat = (...parts: Regex[]) => this.regexes.concat(...parts);
    const alt = (...parts: Regex[]) => this.regexes.alt(...parts);
    const ifEmpty = (part: Regex) => (part.nullable ? empty : none);
    return {
      free: concat(a.free, b.free),
      begin: alt(concat(a.begin, b.free), concat(alt(ifEmpty(a.free), ifEmpty(a.begin)), b.begin)),
      end: alt(concat(a.free, b.end), concat(a.end, alt(ifEmpty(b.free), ifEmpty(b.end)))),
      both: alt(
        concat(a.begin, b.end),
        concat(alt(ifEmpty(a.free), ifEmpty(a.begin)), b.both),
        concat(a.both, alt(ifEmpty(b.free), ifEmpty(b.end))),
        concat(alt(ifEmpty(a.end), ifEmpty(a.both)), alt(ifEmpty(b.begin), ifEmpty(b.both))),
      ),
    };
  }

  #item(): Anchored {
    const { none, empty } = this.regexes;
    if (this.#take("^")) return { free: none, begin: empty, end: none, both: none };
    if (this.#take("$")) return { free: none, begin: none, end: empty, both: none };
    const atom = this.#atom();
    return this.#quantified(atom);
  }

  #quantified(atom: Anchored): Anchored {
    const quantifier = this.#quantifier();
    if (!quantifier) return atom;
    const { min, max } = quantifier;
    const { none } = this.regexes;
    if (atom.begin !== none || atom.end !== none || atom.both !== none) {
      if (max !== 1) throw this.#error("a repeated group with '^' or '$' is not supported");
      const free = this.regexes.optional(atom.free);
      return { ...atom, free };
    }
    const finite = Number.isFinite(max) ? max : min;
    this.#repeats *= Math.max(finite, 1);
    if (this.#repeats > limits.nestedRepeats && this.#repeats > finite)
      throw this.#error(
        `nested repetitions multiply to ${this.#repeats}; ${limits.nestedRepeats} is the limit`,
      );
    return this.#free(this.regexes.repeat(atom.free, min, max));
  }

  #quantifier(): { min: number; max: number } | undefined {
    let result: { min: number; max: number } | undefined;
    if (this.#take("*")) result = { min: 0, max: Number.POSITIVE_INFINITY };
    else if (this.#take("+")) result = { min: 1, max: Number.POSITIVE_INFINITY };
    else if (this.#take("?")) result = { min: 0, max: 1 };
    else if (this.#next === "{") result = this.#counts();
    if (!result) return undefined;
    // Lazy quantifiers match the same texts.
    if (!this.#take("?") && this.#next === "+") throw this.#error("possessive quantifiers are not supported");
    if (["*", "+", "?", "{"].includes(this.#next ?? "")) throw this.#error("nothing to repeat");
    return result;
  }

  #counts(): { min: number; max: number } {
    const end = this.#chars.indexOf("}", this.#at);
    const body = end < 0 ? "" : this.#chars.slice(this.#at + 1, end).join("");
    const match = /^(\d{1,9})(?:(,)(\d{1,9})?)?$/.exec(body);
    if (!match) throw this.#error("'{' that is no quantifier such as {2} or {2,5}");
    const min = Number(match[1]);
    const max = match[3] ? Number(match[3]) : match[2] ? Number.POSITIVE_INFINITY : min;
    if (min > max) throw this.#error(`the quantifier {${body}} is out of order`);
    this.#at = end + 1;
    return { min, max };
  }

  #atom(): Anchored {
    const char = this.#next!;
    if (char === "(") return this.#group();
    if (char === "[") return this.#free(this.regexes.chars(this.#charClass()));
    if (char === "\\") return this.#free(this.regexes.chars(this.#escape(false)));
    if (["*", "+", "?"].includes(char)) throw this.#error("nothing to repeat");
    if (["{", "}", "]"].includes(char)) throw this.#error(`'${char}' without '\\' before it`);
    this.#at++;
    if (char === ".") return this.#free(this.regexes.chars(notLineEnd));
    return this.#free(this.regexes.literal(char.replace(/\p{Surrogate}/u, "\uFFFD")));
  }

  #group(): Anchored {
    this.#at++;
    if (this.#take("?")) {
      if (["=", "!"].includes(this.#next ?? "")) throw this.#error("look-ahead is not supported");
      if (!this.#take(":")) {
        const name = /^P?<([\p{L}_$][\p{L}\p{N}_$]*)>/u.exec(
          this.#chars.slice(this.#at, this.#at + 100).join(""),
        );
        if (!name) throw this.#error("look-behind and flags in groups are not supported");
        this.#at += Array.from(name[0]).length;
      }
    }
    const inner = this.#alternatives();
    if (!this.#take(")")) throw this.#error("')' is missing");
    return inner;
  }

  #charClass(): CharSet {
    this.#at++;
    const negated = this.#take("^");
    const sets: CharSet[] = [];
    while (this.#next !== "]") {
      if (this.#next === undefined) throw this.#error("']' is missing");
      const first = this.#classChar();
      if (this.#next === "-" && ![undefined, "]"].includes(this.#chars[this.#at + 1])) {
        this.#at++;
        const last = this.#classChar();
        const from = single(first);
        const to = single(last);
        if (from === undefined || to === undefined || from > to)
          throw this.#error("a range of characters that is out of order");
        sets.push(charSet([[from, to]]));
      } else sets.push(first);
    }
    this.#at++;
    const all = union(...sets);
    return negated ? complement(all) : all;
  }

  #classChar(): CharSet {
    if (this.#next === undefined) throw this.#error("']' is missing");
    if (this.#next === "\\") return this.#escape(true);
    const char = this.#chars[this.#at++]!.codePointAt(0)!;
    return [char, char];
  }

  #escape(inClass: boolean): CharSet {
    this.#at++;
    const char = this.#chars[this.#at++];
    if (char === undefined) throw this.#error("'\\' at the end");
    if (Object.hasOwn(classEscapes, char)) return classEscapes[char]!;
    if (Object.hasOwn(controlEscapes, char)) return charsOf(controlEscapes[char]!);
    if (char === "b" && inClass) return charsOf("\b");
    if (char === "x") return this.#codePoint(this.#hex(2));
    if (char === "u") return this.#unicode();
    if (char === "p" || char === "P") return this.#property(char === "P");
    if (/[1-9k]/.test(char)) throw this.#error("back references are not supported");
    if (/[bB]/.test(char)) throw this.#error("word boundaries are not supported");
    if (/[A-Za-z0-9]/.test(char)) throw this.#error(`unknown escape '\\${char}'`);
    return charsOf(char);
  }

  #hex(length: number): number {
    const digits = this.#chars.slice(this.#at, this.#at + length).join("");
    if (!new RegExp(`^[0-9a-fA-F]{${length}}$`).test(digits)) throw this.#error("unfinished escape");
    this.#at += length;
    return Number.parseInt(digits, 16);
  }

  #unicode(): CharSet {
    if (!this.#take("{")) {
      const unit = this.#hex(4);
      if (unit < 0xd800 || unit > 0xdbff) return this.#codePoint(unit);
      const low = this.#take("\\u") ? this.#hex(4) : 0;
      if (low < 0xdc00 || low > 0xdfff) throw this.#error("half of a surrogate pair");
      return this.#codePoint(0x10000 + (unit - 0xd800) * 0x400 + low - 0xdc00);
    }
    const digits = /^([0-9a-fA-F]{1,6})\}/.exec(this.#chars.slice(this.#at, this.#at + 7).join(""));
    if (!digits) throw this.#error("unfinished escape");
    this.#at += digits[0].length;
    return this.#codePoint(Number.parseInt(digits[1]!, 16));
  }

  #codePoint(value: number): CharSet {
    if (!contains(anyChar, value)) throw this.#error("an escape of no character");
    return [value, value];
  }

  #property(negated: boolean): CharSet {
    const name = /^\{([A-Za-z_]{1,40}(?:=[A-Za-z_]{1,40})?)\}/.exec(
      this.#chars.slice(this.#at, this.#at + 84).join(""),
    );
    if (!name) throw this.#error("'\\p' without {…}");
    this.#at += name[0].length;
    const set = unicodeProperty(name[1]!);
    if (!set) throw this.#error(`unknown Unicode property '${name[1]}'`);
    return negated ? complement(set) : set;
  }
}

const single = (set: CharSet) => (set.length === 2 && set[0] === set[1] ? set[0] : undefined);

const notLineEnd = complement(charsOf("\n\r\u2028\u2029"));
const digit = charSet([[0x30, 0x39]]);
const word = union(digit, charSet([[0x41, 0x5a]]), charSet([[0x61, 0x7a]]), charsOf("_"));
/** WhiteSpace and LineTerminator of ECMA-262. */
const space = union(
  charsOf("\t\v\f \u00a0\ufeff\n\r\u2028\u2029\u1680\u202f\u205f\u3000"),
  charSet([[0x2000, 0x200a]]),
);
const classEscapes: Record<string, CharSet> = {
  d: digit,
  D: complement(digit),
  w: word,
  W: complement(word),
  s: space,
  S: complement(space),
};
const controlEscapes: Record<string, string> = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v", "0": "\0" };

const properties = new Map<string, CharSet | undefined>();

/** The characters with a property such as `L` or `Script=Greek`, from the platform's own tables. */
function unicodeProperty(name: string): CharSet | undefined {
  if (properties.has(name)) return properties.get(name);
  let set: CharSet | undefined;
  try {
    const one = new RegExp(`^\\p{${name}}$`, "u");
    const found: [number, number][] = [];
    for (const [first, last] of [
      [anyChar[0]!, anyChar[1]!],
      [anyChar[2]!, anyChar[3]!],
    ] as const)
      for (let code = first; code <= last; code++) {
        if (!one.test(String.fromCodePoint(code))) continue;
        if (found.at(-1)?.[1] === code - 1) found.at(-1)![1] = code;
        else found.push([code, code]);
      }
    set = charSet(found);
  } catch {
    set = undefined;
  }
  properties.set(name, set);
  return set;
}
