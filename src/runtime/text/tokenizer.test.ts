import cl100kRanks from "gpt-tokenizer/bpeRanks/cl100k_base";
import o200kRanks from "gpt-tokenizer/bpeRanks/o200k_base";
import r50kRanks from "gpt-tokenizer/bpeRanks/r50k_base";
import * as cl100k from "gpt-tokenizer/encoding/cl100k_base";
import * as o200k from "gpt-tokenizer/encoding/o200k_base";
import * as r50k from "gpt-tokenizer/encoding/r50k_base";
import { describe, expect, it } from "vitest";
import { metadataFromRanks } from "./rankedVocabulary.ts";
import { randomNumbers, randomTexts } from "./testing/randomText.ts";
import { createTokenizer } from "./tokenizer.ts";

const prose = `It was the best of times, it was the worst of times. I'M sure you'll like it; they'Ve said so 1,234,567 times!
    def encode(self, text: str) -> list[int]:   # 100% "quoted" & 'single'
\t\treturn [ord(c) for c in text]\r\n\r\n
XMLHttpRequest getElementById FooBAR ÄrgerÜber ÉCOLE straße ΑΒΓαβγ ПриветМир
你好，世界！我想在家工作。日本語とEnglishが混ざる。안녕하세요 สวัสดีครับ नमस्ते दुनिया مرحبا بالعالم שלום
🦙🚀 👩‍👩‍👧‍👦 🇩🇪 e\u0301 n\u0303 ½ Ⅷ ٣٤٥ x² … — “quotes” ‘single’ http://example.com/a?b=c#d
      six spaces   three\u00a0\u3000wide   \n  \n\n   end   `;

const oracles = [
  { name: "gpt-2 as r50k_base", rule: "gpt-2", ranks: r50kRanks, oracle: r50k },
  { name: "llama-bpe as cl100k_base", rule: "llama-bpe", ranks: cl100kRanks, oracle: cl100k },
  { name: "gpt-4o as o200k_base", rule: "gpt-4o", ranks: o200kRanks, oracle: o200k },
];

for (const { name, rule, ranks, oracle } of oracles) {
  describe(`${name}, against gpt-tokenizer`, () => {
    const tokenizer = createTokenizer(metadataFromRanks(ranks, rule, ["<|im_start|>", "<|im_end|>"]));
    const expected = (text: string) => oracle.encode(text, { disallowedSpecial: new Set() });

    it("encodes prose, code and many scripts alike", () => {
      for (const line of [prose, ...prose.split("\n"), ...prose.split(" ")])
        expect(tokenizer.encode(line), line).toEqual(expected(line));
    });

    it("encodes random text alike, and back", () => {
      for (const text of randomTexts(20261123, 400)) {
        const tokens = tokenizer.encode(text);
        expect(tokens, JSON.stringify(text)).toEqual(expected(text));
        expect(tokenizer.decode(tokens)).toBe(text);
      }
    });

    it("streams what decode gives, for any tokens", () => {
      const random = randomNumbers(7);
      for (let i = 0; i < 200; i++) {
        const tokens = Array.from({ length: 1 + random(30) }, () =>
          random(3) === 0 ? random(256) : random(tokenizer.vocabSize),
        );
        const stream = tokenizer.stream();
        const parts = tokens.map((token) => stream.push(token));
        const text = parts.join("") + stream.flush();
        const bytes = tokens
          .filter((t) => !tokenizer.isSpecial(t))
          .flatMap((t) => [...tokenizer.tokenBytes(t)]);
        expect(text).toBe(Buffer.from(bytes).toString("utf8"));
        expect(text).toBe(tokenizer.decode(tokens));
        for (const part of parts) expect(part).not.toMatch(/\p{Surrogate}/u);
      }
    });
  });
}

describe("byte-level", () => {
  const metadata = metadataFromRanks(r50kRanks, "gpt-2", ["<|im_start|>", "<|im_end|>", "<think>"]);
  const [imStart, imEnd, think] = [50256, 50257, 50258] as const;
  (metadata.get("tokenizer.ggml.token_type") as number[])[think] = 4;
  const tokenizer = createTokenizer(metadata);

  it("finds control tokens only when asked, user-defined ones always", () => {
    const text = "<|im_start|>a<think>b<|im_end|>";
    const plain = tokenizer.encode(text);
    expect(plain).not.toContain(imStart);
    expect(plain).not.toContain(imEnd);
    expect(plain).toContain(think);
    expect(tokenizer.decode(plain)).toBe(text);
    const a = tokenizer.encode("a")[0];
    const b = tokenizer.encode("b")[0];
    expect(tokenizer.encode(text, { special: true })).toEqual([imStart, a, think, b, imEnd]);
  });

  it("decodes control tokens only when asked", () => {
    const tokens = [imStart, ...tokenizer.encode("hé"), imEnd];
    expect(tokenizer.decode(tokens)).toBe("hé");
    expect(tokenizer.decode(tokens, { skipSpecial: false })).toBe("<|im_start|>hé<|im_end|>");
    expect(new TextDecoder().decode(tokenizer.tokenBytes(imEnd))).toBe("<|im_end|>");
    expect([imStart, think, 5].map((token) => tokenizer.isSpecial(token))).toEqual([true, false, false]);
  });

  it("holds a character back until it is whole, and replaces what never becomes one", () => {
    const bytes = [...Buffer.from("🦙")].map((byte) =>
      r50kRanks.findIndex((t) => Array.isArray(t) && t.length === 1 && t[0] === byte),
    );
    expect(bytes.every((token) => token >= 0)).toBe(true);
    const stream = tokenizer.stream();
    expect(bytes.map((token) => stream.push(token))).toEqual(["", "", "", "🦙"]);
    expect(stream.push(bytes[0]!)).toBe("");
    expect(stream.push(tokenizer.encode("x")[0]!)).toBe("\ufffdx");
    expect(stream.push(bytes[1]!)).toBe("\ufffd");
    expect(stream.push(bytes[0]!)).toBe("");
    expect(stream.flush()).toBe("\ufffd");
  });

  it("keeps a byte order mark, and replaces lone surrogates", () => {
    expect(tokenizer.decode(tokenizer.encode("\ufeffa\ufeff"))).toBe("\ufeffa\ufeff");
    expect(tokenizer.decode(tokenizer.encode("a\ud800b\udc00"))).toBe("a\ufffdb\ufffd");
  });

  it("names tokens out of range", () => {
    const error = expect.objectContaining({
      code: "invalid_request",
      message: expect.stringContaining("99999"),
    });
    expect(() => tokenizer.decode([99999])).toThrow(error);
    expect(() => tokenizer.stream().push(-1)).toThrow("Token -1");
    expect(() => tokenizer.tokenBytes(0.5)).toThrow("Token 0.5");
  });

  it("takes time in proportion to a text without spaces", () => {
    const texts = ["a", "A", " ", "!", "好", "7"].map((letter) => letter.repeat(100_000));
    texts.push(randomTexts(3, 1, 30_000)[0]!.replaceAll(/\s/g, ""));
    const start = performance.now();
    for (const text of texts) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    // 0.1 s each on a laptop; anything quadratic takes minutes.
    expect(performance.now() - start).toBeLessThan(30_000);
  }, 60_000);
});

describe("SentencePiece", () => {
  const bytes = Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`);
  const words = ["▁", "a", "b", "c", "ab", "bc", "▁a", "▁ab", "abc", "</", "s", "</s", "<", "/", ">", "▁b"];
  const scores = [-90, -90, -90, -90, -2, -1, -3, -4, -5, -6, -90, -7, -90, -90, -90, -8];
  const make = (extra: [string, unknown][] = []) =>
    createTokenizer(
      new Map<string, unknown>([
        ["tokenizer.ggml.model", "llama"],
        ["tokenizer.ggml.tokens", ["<unk>", "<s>", "</s>", ...bytes, ...words, "<sep>"]],
        ["tokenizer.ggml.scores", [0, 0, 0, ...bytes.map(() => 0), ...scores, 0]],
        ["tokenizer.ggml.token_type", [2, 3, 3, ...bytes.map(() => 6), ...words.map(() => 1), 4]],
        ...extra,
      ]),
    );
  const tokenizer = make();
  const id = (text: string) => 259 + words.indexOf(text);

  it("merges by score and begins with a space", () => {
    // "bc" (-1) merges before "ab" (-2), then "▁a" (-3); "▁ab" and "abc" can no longer form.
    expect(tokenizer.encode("abc")).toEqual([id("▁a"), id("bc")]);
    expect(tokenizer.encode("ab b")).toEqual([id("▁ab"), id("▁b")]);
    expect(make([["tokenizer.ggml.add_space_prefix", false]]).encode("ab")).toEqual([id("ab")]);
  });

  it("falls back to bytes, which no text can spell", () => {
    expect(tokenizer.encode("é", {})).toEqual([id("▁"), 3 + 0xc3, 3 + 0xa9]);
    for (const text of ["<0x41>", "🦙é\ufeff\n", "x".repeat(50), " a  b ", "</s>", "<unk><s>"])
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  it("never merges text to a control token", () => {
    expect(tokenizer.encode("</s>")).not.toContain(2);
    expect(tokenizer.encode("a</s>b", { special: true })).toEqual([id("▁a"), 2, id("▁b")]);
    expect(tokenizer.encode("a<sep>b")).toEqual([id("▁a"), 259 + words.length, id("▁b")]);
  });

  it("begins with the begin-of-text token by default", () => {
    expect(tokenizer.encode("a", { addBos: true })).toEqual([1, id("▁a")]);
    expect(tokenizer.encode("", { addBos: true })).toEqual([1]);
    expect(make([["tokenizer.ggml.add_bos_token", false]]).encode("a", { addBos: true })).toEqual([id("▁a")]);
  });

  it("lets special tokens swallow white space in Phi-3 alone", () => {
    const text = "a<sep> \n b</s> <s> c";
    const expected = [id("▁a"), 259 + words.length, id("▁b"), 2, 1, ...tokenizer.encode(" c")];
    const phi3 = make([["general.name", "Phi-3-mini"]]);
    expect(phi3.encode(text, { special: true })).toEqual(expected);
    expect(tokenizer.encode(text, { special: true })).not.toEqual(expected);
  });

  it("drops the first space of a text, not of a continuation", () => {
    const tokens = [1, id("▁a"), id("▁b")];
    expect(tokenizer.decode(tokens)).toBe("a b");
    expect(tokenizer.decode(tokens, { continuation: true })).toBe(" a b");
    const stream = tokenizer.stream();
    expect(tokens.map((token) => stream.push(token)).join("") + stream.flush()).toBe("a b");
    expect(tokenizer.decode([3 + 0xff, 3 + 0x41])).toBe("\ufffdA");
  });
});

describe("metadata", () => {
  const small = (pairs: Record<string, unknown>) =>
    createTokenizer(
      new Map<string, unknown>(
        Object.entries({
          "tokenizer.ggml.model": "gpt2",
          "tokenizer.ggml.pre": "qwen2",
          "tokenizer.ggml.tokens": ["a", "b", "ab", "<|im_end|>", "<end>", "<|endoftext|>", "</s>"],
          "tokenizer.ggml.token_type": Int32Array.of(1, 1, 1, 3, 3, 4, 1),
          "tokenizer.ggml.merges": ["a b"],
          ...pairs,
        }).filter(([, value]) => value !== undefined),
      ),
    );

  it("takes tokens of no known type for ordinary ones", () => {
    const tokenizer = small({ "tokenizer.ggml.token_type": [0, 7, -1, 259, 1, 1, 1] });
    expect(tokenizer.encode("ab")).toEqual([2]);
    expect([0, 1, 2].map((token) => tokenizer.isSpecial(token))).toEqual([false, false, false]);
  });

  it("collects what ends a generation", () => {
    const tokenizer = small({ "tokenizer.ggml.eot_token_id": 4, "tokenizer.ggml.eos_token_id": 0 });
    // An ordinary "</s>" is a piece of HTML.
    expect([...tokenizer.endTokens].sort()).toEqual([0, 3, 4, 5]);
    expect(tokenizer.eosToken).toBe(0);
    expect(tokenizer.isSpecial(5)).toBe(true);
    expect(small({ "tokenizer.ggml.eom_token_id": 1 }).endTokens.has(1)).toBe(true);
  });

  it("adds the begin-of-text token where file or rule say so", () => {
    expect(small({ "tokenizer.ggml.bos_token_id": 4 }).addBos).toBe(false);
    expect(small({ "tokenizer.ggml.bos_token_id": 4, "tokenizer.ggml.pre": "llama-bpe" }).addBos).toBe(true);
    expect(
      small({ "tokenizer.ggml.bos_token_id": 4n, "tokenizer.ggml.add_bos_token": true }).encode("ab", {
        addBos: true,
      }),
    ).toEqual([4, 2]);
    expect(small({ "tokenizer.ggml.add_bos_token": true }).addBos).toBe(false);
  });

  it.each([
    [{ "tokenizer.ggml.model": undefined }, "bad_model_file", "tokenizer.ggml.model"],
    [{ "tokenizer.ggml.model": "bert" }, "unsupported_model", "tokenizer.ggml.model"],
    [{ "tokenizer.ggml.pre": "chameleon" }, "unsupported_model", "tokenizer.ggml.pre"],
    [{ "tokenizer.ggml.pre": "constructor" }, "unsupported_model", "tokenizer.ggml.pre"],
    [{ "tokenizer.ggml.tokens": undefined }, "bad_model_file", "tokenizer.ggml.tokens"],
    [{ "tokenizer.ggml.tokens": [] }, "bad_model_file", "tokenizer.ggml.tokens"],
    [{ "tokenizer.ggml.tokens": ["a", 1] }, "bad_model_file", "tokenizer.ggml.tokens"],
    [{ "tokenizer.ggml.merges": undefined }, "bad_model_file", "tokenizer.ggml.merges"],
    [{ "tokenizer.ggml.merges": "a b" }, "bad_model_file", "tokenizer.ggml.merges"],
    [{ "tokenizer.ggml.token_type": [1, 1] }, "bad_model_file", "tokenizer.ggml.token_type"],
    [{ "tokenizer.ggml.eos_token_id": 7 }, "bad_model_file", "tokenizer.ggml.eos_token_id"],
    [{ "tokenizer.ggml.bos_token_id": "x" }, "bad_model_file", "tokenizer.ggml.bos_token_id"],
    [{ "tokenizer.ggml.add_bos_token": 1 }, "bad_model_file", "tokenizer.ggml.add_bos_token"],
    [
      {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.unknown_token_id": undefined,
        "tokenizer.ggml.scores": [1],
      },
      "bad_model_file",
      "tokenizer.ggml.scores",
    ],
  ])("refuses %o", (pairs, code, param) => {
    expect(() => small(pairs)).toThrow(expect.objectContaining({ code, param }));
  });
});
