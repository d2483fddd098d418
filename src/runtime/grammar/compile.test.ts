import { beforeAll, describe, expect, test } from "vitest";
import { OmniError } from "../errors.ts";
import type { Tokenizer } from "../text/types.ts";
import { compileGrammar, type GrammarSource } from "./compile.ts";
import { generate, tokensOf } from "./testing/generate.ts";
import { mulberry } from "./testing/random.ts";
import { embeddedTokenizer, largeTokenizer, sentencePieceTokenizer } from "./testing/tokenizers.ts";

const param = "guided_grammar";
const regex = (pattern: string): GrammarSource => ({ kind: "regex", pattern, param });
const ebnf = (grammar: string): GrammarSource => ({ kind: "ebnf", grammar, param });
const utf8 = new TextEncoder();

let embedded: Tokenizer;
let large: Tokenizer;
const pieces = sentencePieceTokenizer();
beforeAll(async () => {
  embedded = await embeddedTokenizer();
  large = await largeTokenizer(60_000);
}, 60_000);

/** Whether a text is one of the grammar. */
function accepts(source: GrammarSource, text: string): boolean {
  const constraint = compileGrammar(source, pieces).start(false);
  return constraint.acceptBytes(utf8.encode(text)) && constraint.mayEnd;
}

const grammars: Record<string, [grammar: string, yes: string[], no: string[]]> = {
  lists: [
    'root ::= "[" (item ("," item)*)? "]"\nitem ::= [a-z]{1,3} | root # nested',
    ["[]", "[a,bc,[d,[]]]", "[abc]"],
    ["[", "[,]", "[abcd]", "[a,]", "[[a]"],
  ],
  "left recursion": [
    'root ::= sum\nsum ::= sum "+" term | term\nterm ::= term "*" atom | atom\natom ::= [0-9]+ | "(" sum ")"',
    ["1", "1+2*3", "(1+2)*(3)+4"],
    ["", "+", "1+", "(1", "1**2"],
  ],
  "right recursion": ['root ::= "a" root | ""', ["", "a", "a".repeat(500)], ["b", "ab"]],
  "recursion on both sides": [
    'root ::= root root | "(" root ")" | "x"',
    ["x", "xx(x(x))x"],
    ["", "()", "(x"],
  ],
  "empty rules": ['root ::= a b a\na ::= "" | a\nb ::= "b" | a', ["", "b"], ["bb", "a"]],
  palindromes: ['root ::= "a" root "a" | "b" root "b" | [ab]?', ["", "a", "abba", "babab"], ["ab", "abb"]],
  "equal counts": ['root ::= "a" root "b" | ""', ["", "ab", "aaabbb"], ["a", "aab", "abb", "abab"]],
  escapes: [
    'root ::= "\\"\\\\\\n\\x41\\u00e9" [^\\]\\-a-c\\n]+ [-.] [\\x00-\\x1f]',
    ['"\\\nAé0d-\t'],
    ['"\\\nAéa-\t', '"\\\nAé0-x'],
  ],
  "other scripts": [
    'root ::= [α-ω]+ | "日本" . "!"?',
    ["αβγ", "日本語", "日本é!", "日本😀"],
    ["abc", "日本"],
  ],
  repetitions: [
    'root ::= ("ab" | [0-9]{2}){2,3} "x"{3} "y"{0,} "z"{,}'.replace(' "z"{,}', ""),
    ["abab" + "xxx", "12ab34xxxyy"],
    ["abxxx", "ababxx", "ababababxxx"],
  ],
  "rules over lines": ['root ::=\n  "a" |  # one\n  "b"\n  other\n\nother ::= "c"', ["a", "bc"], ["b", "ac"]],
};

describe("EBNF", { timeout: 60_000 }, () => {
  test.each(Object.entries(grammars))("%s", (_, [grammar, yes, no]) => {
    for (const text of yes) expect([text, accepts(ebnf(grammar), text)]).toEqual([text, true]);
    for (const text of no) expect([text, accepts(ebnf(grammar), text)]).toEqual([text, false]);
  });
  test("what a mindless model writes is of the grammar", () => {
    const random = mulberry(4);
    for (const [grammar] of Object.values(grammars))
      for (const tokenizer of [embedded, pieces]) {
        const compiled = compileGrammar(ebnf(grammar), tokenizer);
        for (let run = 0; run < 4; run++) {
          const { text, finished } = generate(compiled.start(true), tokenizer, random, 60);
          const again = compiled.start(false);
          expect([text, again.acceptBytes(utf8.encode(text))]).toEqual([text, true]);
          if (finished) expect([text, again.mayEnd]).toEqual([text, true]);
        }
      }
  });
  test.each([
    ["", /no rule 'root'/],
    ["root", /expected '::='/],
    ["root ::= a", /no rule 'a' \(line 1/],
    ['root ::= "a"\n\nroot ::= "b"', /defined twice \(line 3/],
    ['root ::= "a', /'"' is missing/],
    ["root ::= [a", /']' is missing/],
    ["root ::= [b-a]", /out of order/],
    ['root ::= ("a"', /'\)' is missing/],
    ['root ::= "a")', /unexpected '\)'/],
    ['root ::= "a"{2,1}', /out of order/],
    ['root ::= "a"{x}', /expected \{n\}/],
    ['root ::= "\\q"', /unknown escape/],
    ["start: a", /expected '::='/],
    ['root ::= "a" root', /no text can match/],
    [`root ::= ${"(".repeat(300)}`, /too many nested/],
  ])("%j is refused", (grammar, reason) => {
    expect(() => compileGrammar(ebnf(grammar), pieces)).toThrow(reason);
  });
});

describe("regular expressions and choices", { timeout: 60_000 }, () => {
  test.each([
    "[a-z]{3,8}\\d?",
    "(foo|bar)+baz",
    "^\\d{4}-\\d\\d$",
    "é{2}|日本.",
    "(a?b){3,5}[^x]",
    "\\w{1,5}@\\w{1,5}\\.com",
  ])("%s", (pattern) => {
    const random = mulberry(6);
    for (const tokenizer of [embedded, pieces, large]) {
      const compiled = compileGrammar(regex(pattern), tokenizer);
      for (let run = 0; run < 5; run++) {
        const { text, finished } = generate(compiled.start(true), tokenizer, random, 100);
        if (finished) expect(text).toMatch(new RegExp(`^(?:${pattern})$`, "u"));
      }
    }
  });
  test("choices, one of which begins another", () => {
    const choices = ["yes", "yes!", "no", "日本", " spaced"];
    const random = mulberry(8);
    const seen = new Set<string>();
    for (const tokenizer of [embedded, pieces])
      for (let run = 0; run < 60; run++) {
        const compiled = compileGrammar({ kind: "choice", choices, param }, tokenizer);
        const { text, finished } = generate(compiled.start(true), tokenizer, random, 50);
        expect(finished).toBe(true);
        expect(choices).toContain(text);
        seen.add(text);
      }
    expect(seen.size).toBe(choices.length);
  });
});

describe("masks", { timeout: 60_000 }, () => {
  test("are what trying every token by its bytes gives", () => {
    const sources = [
      regex("[a-z]+( [a-z]+){0,3}\\.?"),
      ebnf(grammars.lists![0]),
      ebnf(grammars["left recursion"]![0]),
      {
        kind: "json_schema",
        schema: {
          type: "object",
          properties: { name: { type: "string", maxLength: 9 }, n: { type: "number", maximum: 12.5 } },
        },
        param,
      } as const,
    ];
    const random = mulberry(2);
    for (const tokenizer of [embedded, pieces])
      for (const source of sources) {
        const constraint = compileGrammar(source, tokenizer).start(false);
        for (let step = 0; step < 12 && !constraint.done; step++) {
          const allowed = tokensOf(constraint.mask(), tokenizer.vocabSize);
          const tried = [];
          for (let token = 0; token < tokenizer.vocabSize; token++) {
            if (tokenizer.endTokens.has(token)) {
              if (constraint.mayEnd) tried.push(token);
            } else if (
              !tokenizer.isSpecial(token) &&
              constraint.fork().acceptBytes(tokenizer.tokenBytes(token))
            ) {
              if (tokenizer.tokenBytes(token).length > 0) tried.push(token);
            }
          }
          expect(allowed).toEqual(tried);
          const next = allowed.filter((token) => !tokenizer.endTokens.has(token));
          if (next.length === 0) break;
          constraint.accept(next[Math.floor(random() * next.length)]!);
        }
      }
  });
  test("end tokens exactly where the text may end, control tokens never", () => {
    const constraint = compileGrammar(regex("ab?"), embedded).start(true);
    const end = [...embedded.endTokens];
    expect(tokensOf(constraint.mask(), embedded.vocabSize).some((token) => end.includes(token))).toBe(false);
    constraint.accept(embedded.encode("a")[0]!);
    const allowed = tokensOf(constraint.mask(), embedded.vocabSize);
    expect(end.every((token) => allowed.includes(token))).toBe(true);
    expect(allowed.filter((token) => embedded.isSpecial(token) && !end.includes(token))).toEqual([]);
    const fork = constraint.fork();
    constraint.accept(embedded.encode("b")[0]!);
    expect([constraint.done, fork.done]).toEqual([true, false]);
    fork.accept(end[0]!);
    expect(fork.done).toBe(true);
    expect(() => constraint.accept(embedded.encode("b")[0]!)).toThrow("not allow");
  });
});

describe("hostile grammars cost little, and end", () => {
  const started = (source: GrammarSource, text: string) => {
    const constraint = compileGrammar(source, pieces).start(false);
    constraint.mask();
    for (const char of text) {
      if (!constraint.acceptBytes(utf8.encode(char))) return "refused";
      constraint.mask();
    }
    return "accepted";
  };
  const deep = (depth: number) => {
    let schema: unknown = { type: "null" };
    for (let i = 0; i < depth; i++) schema = { type: "array", items: schema };
    return schema;
  };
  const nested = (depth: number) => {
    let schema: unknown = {};
    for (let i = 0; i < depth; i++) schema = { allOf: [schema] };
    return schema;
  };
  const wide = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`p${i}`, { type: "integer" }]));
  const json = (schema: unknown): GrammarSource => ({ kind: "json_schema", schema, param });
  const text = "a".repeat(40);
  const cases: Record<string, [GrammarSource, string]> = {
    "a million repetitions": [regex("a{0,1000000}"), text],
    "a million demanded": [regex("a{1000000}"), text],
    "nested stars": [regex("((a*)*)*b"), text],
    "ambiguous stars": [regex("(a|a|aa)*b"), text],
    "many states at once": [regex("(a|b)*a(a|b){200}"), "ab".repeat(20)],
    "many counters at once": [regex("(.*a.{100}){10}"), text],
    "a chain of optional parts": [regex(`${"a?".repeat(2000)}`), text],
    "large classes": [regex("(\\p{L}|\\p{N}){0,50}[^\\p{Lu}]"), "aé"],
    "an ambiguous grammar": [ebnf('root ::= root root root | root root | "a" | ""'), text],
    "exponentially many parses": [ebnf('root ::= ("a" | "a" root | root "a" | "aa")'), text],
    "long rules": [ebnf(`root ::= ${"[a-z] ".repeat(5000)}`), text],
    "many rules": [
      ebnf(
        `${Array.from(
          { length: 2000 },
          (_, i) => `${i ? `r${i}` : "root"} ::= "a" r${i + 1} | "("${i ? `r${i}` : "root"} ")"`,
        ).join("\n")}\nr2000 ::= "a"`,
      ),
      text,
    ],
    "doubling rules": [
      ebnf(
        `root ::= r0\n${Array.from({ length: 60 }, (_, i) => `r${i} ::= r${i + 1} r${i + 1}`).join("\n")}\nr60 ::= "a"`,
      ),
      text,
    ],
    "a deep schema": [json(deep(1000)), "[[["],
    "deeply nested allOf": [json(nested(1000)), ""],
    "a wide schema": [json({ type: "object", properties: wide }), '{"p12": 3,'],
    "many items": [json({ type: "array", items: { type: "null" }, minItems: 1_000_000 }), "[null"],
    "a long minimum": [json({ type: "string", minLength: 1_000_000, pattern: "^a*b*$" }), '"aa'],
    "multiplied alternatives": [
      json({
        allOf: Array.from({ length: 20 }, (_, i) => ({ anyOf: [{ minLength: i }, { maxLength: 90 + i }] })),
      }),
      '"a',
    ],
    "a reference that doubles": [
      json({
        $ref: "#/$defs/a",
        $defs: { a: { type: "array", prefixItems: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/a" }] } },
      }),
      "[[[[",
    ],
    "counted properties": [json({ type: "object", properties: wide, minProperties: 2000 }), '{"p1":1'],
    "patterns against each other": [
      json({
        type: "string",
        allOf: Array.from({ length: 12 }, (_, i) => ({ pattern: `(a|b)*a(a|b){${i}}c` })),
      }),
      '"ab',
    ],
  };
  test.each(Object.entries(cases))("%s", { timeout: 60_000 }, (_, [source, input]) => {
    const before = process.cpuUsage();
    try {
      expect(["accepted", "refused"]).toContain(started(source, input));
    } catch (error) {
      if (!(error instanceof OmniError)) throw error;
      expect(error.code).toBe("invalid_request");
    }
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(10e6);
  });
});
