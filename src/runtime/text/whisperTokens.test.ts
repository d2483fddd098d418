import r50kRanks from "gpt-tokenizer/bpeRanks/r50k_base";
import { expect, test } from "vitest";
import { spellBytes } from "./byteLevel.ts";
import { ordinaryTokens } from "./tokenizerJson.ts";
import { languageCode, languageName, whisperLanguages } from "./whisperLanguages.ts";
import { whisperTokens } from "./whisperTokens.ts";

const byteTokens = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
/** Of single bytes and 99 languages. */
const byteVocab = 256 + 2 + 99 + 6 + 1501;

/** A vocabulary of the sizes of the real ones: bytes, and others that never merge. */
function vocabulary(ordinary: number): Uint8Array[] {
  const others = Array.from({ length: ordinary - 256 }, (_, i) =>
    Uint8Array.of(1, i >> 16, (i >> 8) & 255, i & 255, 2),
  );
  return [...byteTokens, ...others];
}

test.each([
  {
    name: "tiny",
    ordinary: 50_257,
    vocab: 51_865,
    languages: 99,
    sot: 50_258,
    transcribe: 50_359,
    begin: 50_364,
  },
  {
    name: "large-v3",
    ordinary: 50_257,
    vocab: 51_866,
    languages: 100,
    sot: 50_258,
    transcribe: 50_360,
    begin: 50_365,
  },
  {
    name: "tiny.en",
    ordinary: 50_256,
    vocab: 51_864,
    languages: 0,
    sot: 50_257,
    transcribe: 50_358,
    begin: 50_363,
  },
])(
  "special tokens of $name lie where OpenAI has them",
  ({ ordinary, vocab, languages, sot, transcribe, begin }) => {
    const tokens = whisperTokens(vocabulary(ordinary), vocab);
    expect(tokens).toMatchObject({ end: ordinary, start: sot, transcribe, timestampBegin: begin });
    expect(tokens).toMatchObject({
      translate: transcribe - 1,
      startOfPrevious: transcribe + 2,
      noSpeech: transcribe + 3,
    });
    expect(tokens.noTimestamps).toBe(begin - 1);
    expect(tokens.languages.size).toBe(languages);
    if (languages > 0)
      expect([tokens.languages.get("en"), tokens.languages.get("de")]).toEqual([sot + 1, sot + 3]);
    expect(tokens.tokenizer.vocabSize).toBe(vocab);
    expect(tokens.tokenizer.decode([begin, begin + 1500], { skipSpecial: false })).toBe("<|0.00|><|30.00|>");
  },
);

test("text passes as bytes, and never spells a special token", () => {
  const { tokenizer, end } = whisperTokens(byteTokens, byteVocab);
  const text = "Grüße <|endoftext|> 你好";
  const ids = tokenizer.encode(text);
  expect(ids.every((id) => id < end)).toBe(true);
  expect(tokenizer.decode(ids)).toBe(text);
});

test("an end token among the ordinary ones is found, other sizes are refused", () => {
  const listed = [...byteTokens, new TextEncoder().encode("<|endoftext|>")];
  expect(whisperTokens(listed, byteVocab).end).toBe(256);
  expect(() => whisperTokens(byteTokens, byteVocab + 50)).toThrow(/149 languages/);
  expect(() => whisperTokens(byteTokens, 1000)).toThrow(/languages/);
});

test("what is not spoken is suppressed: symbols alone, notes by their first bytes, no letters", () => {
  const { tokenizer, suppressed, suppressedFirst, end } = whisperTokens(byteTokens, byteVocab);
  for (const symbol of "#()*[]{}~<>") expect(suppressed).toContain(tokenizer.encode(symbol)[0]);
  for (const letter of "abzAZ09.,?! ") expect(suppressed).not.toContain(tokenizer.encode(letter)[0]);
  expect(suppressedFirst).toEqual([...tokenizer.encode(" "), end]);
});

test("GPT-2's vocabulary, which the English models have, suppresses what OpenAI's tiny.en does", () => {
  const ranks = r50kRanks.map((token) =>
    typeof token === "string" ? new TextEncoder().encode(token) : Uint8Array.from(token),
  );
  const { suppressed, suppressedFirst, languages } = whisperTokens(ranks.slice(0, 50_256), 51_864);
  // `suppress_tokens` and `begin_suppress_tokens` in config.json of openai/whisper-tiny.en.
  const wanted = [
    ...[1, 2, 7, 8, 9, 10, 14, 25, 26, 27, 28, 29, 31, 58, 59, 60, 61, 62, 63, 90, 91, 92, 93, 357, 366, 438],
    ...[
      532, 685, 705, 796, 930, 1058, 1220, 1267, 1279, 1303, 1343, 1377, 1391, 1635, 1782, 1875, 2162, 2361,
    ],
    ...[2488, 3467, 4008, 4211, 4600, 4808, 5299, 5855, 6329, 7203, 9609, 9959, 10563, 10786, 11420, 11709],
    ...[
      11907, 13163, 13697, 13700, 14808, 15306, 16410, 16791, 17992, 19203, 19510, 20724, 22305, 22935, 27007,
    ],
    ...[
      30109, 30420, 33409, 34949, 40283, 40493, 40549, 47282, 49146, 50257, 50357, 50358, 50359, 50360, 50361,
    ],
  ];
  expect(suppressed.toSorted((a, b) => a - b)).toEqual(wanted);
  expect(suppressedFirst).toEqual([220, 50_256]);
  expect(languages.size).toBe(0);
});

test("tokenizer.json and vocab.json give the same tokens", () => {
  const vocab = Object.fromEntries(byteTokens.map((token, id) => [spellBytes(token), id]));
  const json = { added_tokens: [{ id: 256, content: "<|endoftext|>" }], model: { type: "BPE", vocab } };
  expect(ordinaryTokens(json, "tokenizer.json")).toEqual(byteTokens);
  const flat = { ...vocab, "<|endoftext|>": 256 };
  expect(ordinaryTokens(flat, "vocab.json")).toEqual(byteTokens);
});

test.each([
  { name: "a list", json: [], message: /not a JSON object/ },
  { name: "no vocabulary", json: { model: { vocab: 3 } }, message: /no vocabulary/ },
  { name: "a gap", json: { a: 0, b: 2, "<|endoftext|>": 3 }, message: /no token 1/ },
  { name: "a huge id", json: { a: 0, "<|endoftext|>": 2 ** 40 }, message: /token 1099511627776 of 2/ },
  { name: "no number", json: { a: "0" }, message: /"a" has no id/ },
])("$name is refused", ({ json, message }) => {
  expect(() => ordinaryTokens(json, "tokenizer.json")).toThrow(message);
});

test("languages by code, name and habit", () => {
  expect(whisperLanguages).toHaveLength(100);
  expect(["en", "EN", "English", "mandarin", "jv", " Haitian Creole "].map(languageCode)).toEqual([
    ...["en", "en", "en", "zh", "jw", "ht"],
  ]);
  expect([languageCode("klingon"), languageCode("toString"), languageCode("")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(languageName("yue")).toBe("cantonese");
});
