import { describe, expect, test } from "vitest";
import { OmniError } from "../../errors.ts";
import { mulberry, pick } from "../testing/random.ts";
import { ByteAutomaton, dead, type Encoding } from "./byteAutomaton.ts";
import { parseRegex } from "./parse.ts";
import type { Regex } from "./regex.ts";

const utf8 = new TextEncoder();

function matchesBytes(bytes: ByteAutomaton, term: Regex, encoding: Encoding, text: string): boolean {
  let state = bytes.start(term, encoding);
  for (const byte of utf8.encode(text)) {
    if (state === dead) return false;
    state = bytes.row(state)[byte]!;
  }
  return state !== dead && bytes.isFinal(state);
}

const patterns = [
  "a",
  "^a+b$",
  "b",
  "^$",
  "",
  "^(ab|cd)*$",
  "^[a-c]{2,4}$",
  "x|^y|z$|^w$",
  "^a.c$",
  "[^a-c\\d]",
  "^\\w+\\s\\S$",
  "^(?:a?b?){3}$",
  "^(?<n>a|bc)+?$",
  "\\u{1F600}|\\u00e9",
  "^\\p{Lu}\\p{Ll}*$",
  "^\\P{L}+$",
  "^a{3}$",
  "a{0}b",
  "(^a)?b",
  "^(a|^b)c($|d)",
  "a^",
  "$a",
  "^^a$$",
  "[\\]\\-x]",
  "^[ -~]*$",
  "^(a+)+$",
  "^(0|[1-9]\\d*)(\\.\\d+)?$",
  "^[^]$",
  "[]|a",
  "^\\x41",
  "^[\\b]$",
  "^\\/\\.$",
  "\uD83D\uDE00{2}",
  "^(|a)$",
  "^.{2}$",
];

describe("patterns match what JavaScript's own engine matches", () => {
  const random = mulberry(3);
  const alphabet = [
    "a",
    "b",
    "c",
    "d",
    "x",
    "y",
    "z",
    "w",
    "A",
    "0",
    "1",
    ".",
    " ",
    "\n",
    "-",
    "]",
    "é",
    "😀",
    '"',
    "\\",
    "/",
    "\b",
    "\u2028",
  ];
  const texts = [
    "",
    ...alphabet,
    "ab",
    "aab",
    "abab",
    "aaa",
    "abc",
    "bc",
    "a.c",
    "Abc",
    "10.5",
    "x]",
    "😀😀",
    "a\n",
  ];
  for (let i = 0; i < 300; i++)
    texts.push(Array.from({ length: 1 + Math.floor(random() * 6) }, () => pick(random, alphabet)).join(""));
  test.each(patterns)("%s", (pattern) => {
    const bytes = new ByteAutomaton();
    const search = parseRegex(pattern, "search", bytes.regexes, "pattern");
    const full = parseRegex(pattern, "full", bytes.regexes, "pattern");
    for (const text of texts) {
      const expected = new RegExp(pattern, "u").test(text);
      expect([text, bytes.regexes.matches(search, text)]).toEqual([text, expected]);
      expect([text, matchesBytes(bytes, search, "utf8", text)]).toEqual([text, expected]);
      expect([text, matchesBytes(bytes, search, "json", JSON.stringify(text))]).toEqual([text, expected]);
      const wholly = new RegExp(`^(?:${pattern})$`, "u").test(text);
      expect([text, matchesBytes(bytes, full, "utf8", text)]).toEqual([text, wholly]);
    }
  });
});

test("a JSON string may write every character in every way, and nothing else", () => {
  const bytes = new ByteAutomaton();
  const any = bytes.regexes.all;
  const one = parseRegex("^[é\n/😀A]$", "search", bytes.regexes, "pattern");
  for (const yes of [
    '"é"',
    '"\\u00e9"',
    '"\\u00E9"',
    '"\\n"',
    '"\\u000a"',
    '"/"',
    '"\\/"',
    '"😀"',
    '"\\ud83d\\uDE00"',
    '"A"',
    '"\\u0041"',
  ])
    expect([yes, matchesBytes(bytes, one, "json", yes), matchesBytes(bytes, any, "json", yes)]).toEqual([
      yes,
      true,
      true,
    ]);
  for (const no of [
    '"\n"',
    '"\\ud83d"',
    '"\\ude00\\ud83d"',
    '"\\x41"',
    '"A',
    'A"',
    '"""',
    '"\\"',
    "",
    '"A" ',
  ])
    expect([no, matchesBytes(bytes, any, "json", no)]).toEqual([no, false]);
  expect(matchesBytes(bytes, one, "json", '"\\u0042"')).toBe(false);
});

test("every character's UTF-8 and escapes are walked right, at the borders of ranges", () => {
  const random = mulberry(9);
  const bytes = new ByteAutomaton();
  const borders = [
    0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff, 0x40000, 0x103ff,
    0x10400,
  ];
  for (let round = 0; round < 60; round++) {
    const [from, to] = [pick(random, borders), pick(random, borders)].sort((a, b) => a - b) as [
      number,
      number,
    ];
    const set = bytes.regexes.chars(from > 0xd7ff || to < 0xe000 ? [from, to] : [from, 0xd7ff, 0xe000, to]);
    for (const at of [...borders, from - 1, to + 1, Math.floor(from + random() * (to - from + 1))]) {
      if (at > 0x10ffff || (at >= 0xd800 && at <= 0xdfff)) continue;
      const text = String.fromCodePoint(at);
      const inside = at >= from && at <= to;
      const escaped = `"${Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`).join("")}"`;
      expect([from, to, at, matchesBytes(bytes, set, "utf8", text)]).toEqual([from, to, at, inside]);
      expect([from, to, at, matchesBytes(bytes, set, "json", escaped)]).toEqual([from, to, at, inside]);
    }
  }
});

test.each([
  ["(a", "')' is missing"],
  ["a)", "unmatched"],
  ["[a", "']' is missing"],
  ["*a", "nothing to repeat"],
  ["a**", "nothing to repeat"],
  ["a{2,1}", "out of order"],
  ["a{", "no quantifier"],
  ["(?=a)", "look-ahead"],
  ["(?<!a)", "look-behind"],
  ["\\1(a)", "back references"],
  ["\\bfoo", "word boundaries"],
  ["\\p{Nonsense}", "unknown Unicode property"],
  ["\\q", "unknown escape"],
  ["\\", "at the end"],
  ["[b-a]", "out of order"],
  ["(^a)*", "repeated group"],
  ["(".repeat(500), "nested groups"],
  ["((a{99}){99}){99}", "multiply"],
  ["\\ud800", "surrogate"],
])("%s is refused: %s", (pattern, reason) => {
  const { regexes } = new ByteAutomaton();
  expect(() => parseRegex(pattern, "search", regexes, "guided_regex")).toThrow(OmniError);
  expect(() => parseRegex(pattern, "search", regexes, "guided_regex")).toThrow(reason);
});

describe("intersections and complements", () => {
  const bytes = new ByteAutomaton();
  const { regexes, chars } = bytes;
  const regex = (pattern: string) => parseRegex(pattern, "full", regexes, "p");
  test.each([
    [["[a-z]+", ".{3}"], true],
    [["[a-z]{5}", "[0-9]+"], false],
    [["(ab)*", "(aba)*", ".+"], false],
    [["(ab)*", "(ab|b)+a?", "a.*"], true],
    [["a{0,50}", ".{51,}"], false],
    [[".*a.{12}", "[^a]*b.*", ".{0,12}"], false],
    [["[a-z ]{1,1000000}", ".*q.*"], true],
    [["(.{3})+", "(.{5})+", ".{1,14}"], false],
    [["(.{3})+", "(.{5})+", ".{1,15}"], true],
  ])("%j matches something: %s", (patterns, expected) => {
    bytes.fuel.refill();
    expect(chars.isLive(regexes.and(...patterns.map(regex)))).toBe(expected);
  });
  test("complement and remainder", () => {
    const notAb = regexes.and(regexes.not(regex("ab|cd")), regex("[a-d]{2}"));
    expect(["ab", "cd", "ac", "abc"].map((text) => regexes.matches(notAb, text))).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect(chars.isLive(regexes.and(regexes.not(regex("a*")), regex("a{7}")))).toBe(false);
    const sevens = regexes.and(regexes.multipleOf(7), regex("[1-9][0-9]{0,3}"));
    for (let n = 1; n < 2000; n++) expect(regexes.matches(sevens, String(n))).toBe(n % 7 === 0);
    expect(chars.isLive(regexes.and(regexes.multipleOf(7), regex("[1-6]|1[0-3]")))).toBe(false);
  });
});

test("no state leads to a dead end, also where much is excluded", () => {
  const random = mulberry(5);
  const bytes = new ByteAutomaton();
  const { regexes } = bytes;
  const search = (pattern: string) => parseRegex(pattern, "search", regexes, "p");
  const terms = [
    regexes.and(search("^[a-z]+\\d$"), search("q"), regexes.repeat(regexes.anyChar, 4, 9)),
    regexes.and(
      regexes.not(regexes.alt(...["name", "age", "nam"].map((name) => regexes.literal(name)))),
      search("^[a-n]{0,4}$"),
    ),
    regexes.and(search("ab"), search("ba"), regexes.repeat(regexes.anyChar, 0, 3)),
  ];
  for (const term of terms)
    for (let round = 0; round < 200; round++) {
      let state = bytes.start(term, "json");
      for (let length = 0; length < 200 && !bytes.isFinal(state); length++) {
        const ways = [...bytes.row(state).entries()].filter(([, to]) => to !== dead);
        expect(ways.length).toBeGreaterThan(0);
        // Rather short ways: escapes make strings long.
        const short = ways.filter(([byte]) => byte < 0x80 && byte !== 0x5c);
        state = pick(random, short.length > 0 ? short : ways)[1];
      }
      expect(bytes.isFinal(state)).toBe(true);
    }
});
