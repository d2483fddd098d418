/**
 * Grammars in extended Backus-Naur form, as XGrammar and llama.cpp (GBNF) write them:
 *
 *     root ::= "[" item ("," item)* "]"   # the text has to match the rule root
 *     item ::= [a-z]{1,9} | "\"" [^"\x00-\x1f]* "\"" | root
 */

import { invalidRequest, type OmniError } from "../errors.ts";
import { limits } from "./limits.ts";
import type { ByteAutomaton } from "./regex/byteAutomaton.ts";
import { anyChar, type CharSet, charSet, complement, contains, union } from "./regex/charSet.ts";
import type { Regex } from "./regex/regex.ts";
import { call, choice, type Expression, type Rules, sequence } from "./rules.ts";

type Term =
  | { kind: "chars"; set: CharSet }
  | { kind: "text"; text: string }
  | { kind: "sequence" | "choice"; parts: Term[] }
  | { kind: "repeat"; of: Term; min: number; max: number }
  | { kind: "rule"; name: string; at: number };

/**
 * @param param the request field, for errors
 * @throws OmniError `invalid_request` that says what is wrong and in which line
 */
export function parseEbnf(source: string, bytes: ByteAutomaton, param: string): Rules {
  if (source.length > limits.sourceLength)
    throw invalidRequest(`Invalid '${param}': the grammar has ${source.length} characters.`, param);
  const parser = new Parser(source, param);
  const terms = parser.parse();
  const translation = new Translation(terms, bytes);
  return { root: "root", define: (name) => translation.expression(terms.get(name)!) };
}

class Parser {
  #at = 0;
  #depth = 0;

  constructor(
    private readonly source: string,
    private readonly param: string,
  ) {}

  parse(): Map<string, Term> {
    const rules = new Map<string, Term>();
    const used: { name: string; at: number }[] = [];
    this.#space(true);
    while (this.#at < this.source.length) {
      const name = this.#name();
      if (name === undefined) throw this.#error("expected the name of a rule");
      this.#space(true);
      if (!this.#take("::=")) throw this.#error(`expected '::=' after '${name}'`);
      if (rules.has(name)) throw this.#error(`the rule '${name}' is defined twice`);
      this.#space(true);
      rules.set(name, this.#choice(false, used));
      if (this.#at < this.source.length && this.source[this.#at - 1] !== "\n" && !this.#atRule())
        throw this.#error(`unexpected '${this.source[this.#at]}'`);
    }
    if (!rules.has("root")) throw this.#error("there is no rule 'root'");
    for (const { name, at } of used) {
      this.#at = at;
      if (!rules.has(name)) throw this.#error(`there is no rule '${name}'`);
    }
    return rules;
  }

  #error(what: string): OmniError {
    const line = this.source.slice(0, this.#at).split("\n").length;
    return invalidRequest(
      `Invalid '${this.param}': ${what} (line ${line} of the grammar).`,
      this.param,
      "invalid_grammar",
    );
  }

  /** White space and comments. */
  #space(lines: boolean): void {
    const pattern = lines ? /(?:\s|#[^\n]*)*/y : /(?:[^\S\n]|#[^\n]*)*/y;
    pattern.lastIndex = this.#at;
    this.#at += pattern.exec(this.source)![0].length;
  }

  #take(text: string): boolean {
    if (!this.source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #name(): string | undefined {
    const pattern = /[A-Za-z_][\w.-]*/y;
    pattern.lastIndex = this.#at;
    const name = pattern.exec(this.source)?.[0];
    if (name !== undefined) this.#at += name.length;
    return name;
  }

  /** Whether a new rule begins here. */
  #atRule(): boolean {
    const pattern = /(?:\s|#[^\n]*)*[A-Za-z_][\w.-]*\s*::=/y;
    pattern.lastIndex = this.#at;
    return pattern.test(this.source);
  }

  #choice(inGroup: boolean, used: { name: string; at: number }[]): Term {
    if (++this.#depth > limits.depth) throw this.#error("too many nested groups");
    const parts = [this.#sequence(inGroup, used)];
    while (this.#take("|")) {
      this.#space(true);
      parts.push(this.#sequence(inGroup, used));
    }
    this.#depth--;
    return parts.length === 1 ? parts[0]! : { kind: "choice", parts };
  }

  #sequence(inGroup: boolean, used: { name: string; at: number }[]): Term {
    const parts: Term[] = [];
    for (;;) {
      // A rule goes on in the next line unless another one begins there.
      if (!inGroup && this.#atRule()) {
        this.#space(true);
        break;
      }
      this.#space(true);
      const next = this.source[this.#at];
      if (next === undefined || next === "|" || (next === ")" && inGroup)) break;
      parts.push(this.#quantified(this.#item(used)));
    }
    return parts.length === 1 ? parts[0]! : { kind: "sequence", parts };
  }

  #item(used: { name: string; at: number }[]): Term {
    if (this.#take("(")) {
      const inner = this.#choice(true, used);
      if (!this.#take(")")) throw this.#error("')' is missing");
      return inner;
    }
    if (this.#take('"')) return { kind: "text", text: this.#text() };
    if (this.#take("[")) return { kind: "chars", set: this.#chars() };
    if (this.#take(".")) return { kind: "chars", set: anyChar };
    const at = this.#at;
    const name = this.#name();
    if (name === undefined) throw this.#error(`unexpected '${this.source[this.#at]}'`);
    used.push({ name, at });
    return { kind: "rule", name, at };
  }

  #quantified(of: Term): Term {
    if (this.#take("*")) return { kind: "repeat", of, min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take("+")) return { kind: "repeat", of, min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take("?")) return { kind: "repeat", of, min: 0, max: 1 };
    const pattern = /\{\s*(\d{1,9})\s*(?:(,)\s*(\d{1,9})?\s*)?\}/y;
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.source);
    if (!match) {
      if (this.source[this.#at] === "{") throw this.#error("expected {n}, {n,} or {n,m}");
      return of;
    }
    this.#at += match[0].length;
    const min = Number(match[1]);
    const max = match[3] ? Number(match[3]) : match[2] ? Number.POSITIVE_INFINITY : min;
    if (min > max) throw this.#error(`the repetition ${match[0]} is out of order`);
    return { kind: "repeat", of, min, max };
  }

  #text(): string {
    let text = "";
    for (;;) {
      const char = this.#char();
      if (char === undefined || char === "\n") throw this.#error("'\"' is missing");
      if (char === '"') return text;
      text += char === "\\" ? String.fromCodePoint(this.#escape()) : char;
    }
  }

  #chars(): CharSet {
    const negated = this.#take("^");
    const sets: CharSet[] = [];
    const one = (): number => {
      const char = this.#char();
      if (char === undefined || char === "\n") throw this.#error("']' is missing");
      return char === "\\" ? this.#escape() : char.codePointAt(0)!;
    };
    while (!this.#take("]")) {
      const first = one();
      const isRange = this.source[this.#at] === "-" && this.source[this.#at + 1] !== "]";
      if (isRange) this.#at++;
      const last = isRange ? one() : first;
      if (first > last) throw this.#error("a range of characters is out of order");
      sets.push(charSet([[first, last]]));
    }
    const set = union(...sets);
    return negated ? complement(set) : set;
  }

  #char(): string | undefined {
    const code = this.source.codePointAt(this.#at);
    if (code === undefined) return undefined;
    const char = String.fromCodePoint(code);
    this.#at += char.length;
    return char;
  }

  #escape(): number {
    const char = this.#char() ?? "";
    const control = "nrtfvb0".indexOf(char);
    if (char !== "" && control >= 0) return "\n\r\t\f\v\b\0".charCodeAt(control);
    const length = { x: 2, u: 4, U: 8 }[char];
    if (length === undefined) {
      if (/^[A-Za-z0-9]?$/.test(char)) throw this.#error(`unknown escape '\\${char}'`);
      return char.codePointAt(0)!;
    }
    const braced = /^\{([0-9a-fA-F]{1,6})\}/.exec(this.source.slice(this.#at, this.#at + 8));
    const digits = braced?.[1] ?? this.source.slice(this.#at, this.#at + length);
    if (!braced && (digits.length < length || !/^[0-9a-fA-F]+$/.test(digits)))
      throw this.#error("unfinished escape");
    this.#at += braced?.[0].length ?? length;
    const code = Number.parseInt(digits, 16);
    if (!contains(anyChar, code)) throw this.#error("an escape of no character");
    return code;
  }
}

/** From terms to rules: whatever is regular becomes one terminal, rules that do not recur included. */
class Translation {
  readonly #regular = new Map<string, Regex | undefined>();
  readonly #visiting = new Set<string>();

  constructor(
    private readonly terms: ReadonlyMap<string, Term>,
    private readonly bytes: ByteAutomaton,
  ) {}

  expression(term: Term): Expression {
    const regex = this.#regex(term);
    if (regex) return { kind: "terminal", regex, encoding: "utf8" };
    switch (term.kind) {
      case "rule":
        return call(term.name);
      case "repeat":
        return { ...term, of: this.expression(term.of) };
      case "choice":
        return choice(...this.#grouped(term.parts).map((part) => this.expression(part)));
      case "sequence":
        return sequence(...this.#grouped(term.parts, true).map((part) => this.expression(part)));
      default:
        throw new Error(`${term.kind} is regular`);
    }
  }

  /** Puts regular parts together: those next to each other, in a choice all. */
  #grouped(parts: readonly Term[], inOrder = false): Term[] {
    const out: Term[] = [];
    let group: Term | undefined;
    for (const part of parts) {
      if (!this.#regex(part)) {
        out.push(part);
        if (inOrder) group = undefined;
      } else if (group) (group as { parts: Term[] }).parts.push(part);
      else {
        group = { kind: inOrder ? "sequence" : "choice", parts: [part] };
        out.push(group);
      }
    }
    return out;
  }

  /** The term as a regular expression; undefined where a rule in it calls itself. */
  #regex(term: Term): Regex | undefined {
    const { regexes, fuel } = this.bytes;
    fuel.burn();
    switch (term.kind) {
      case "chars":
        return regexes.chars(term.set);
      case "text":
        return regexes.literal(term.text);
      case "rule":
        return this.#rule(term.name);
      case "repeat": {
        const of = this.#regex(term.of);
        return of && regexes.repeat(of, term.min, term.max);
      }
      default: {
        const parts: Regex[] = [];
        for (const part of term.parts) {
          const regex = this.#regex(part);
          if (!regex) return undefined;
          parts.push(regex);
        }
        return term.kind === "choice" ? regexes.alt(...parts) : regexes.concat(...parts);
      }
    }
  }

  #rule(name: string): Regex | undefined {
    if (this.#regular.has(name)) return this.#regular.get(name);
    // Met again within itself: it recurs, and so does every rule on the way, which sees this.
    if (this.#visiting.has(name)) return undefined;
    this.#visiting.add(name);
    const regex = this.#regex(this.terms.get(name)!);
    this.#visiting.delete(name);
    this.#regular.set(name, regex);
    return regex;
  }
}
