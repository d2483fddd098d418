/**
 * Writes src/runtime/text/goldens/llamaCpp.json: token ids that llama.cpp gives to awkward texts, with two
 * small vocabularies that are trained here on unsplit text, so that every word border that a splitting rule
 * draws shows in the ids.
 *
 * usage: node scripts/goldens/tokenizers.mjs
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openOracle } from "./oracle.mjs";

const output = path.resolve(import.meta.dirname, "../../src/runtime/text/goldens/llamaCpp.json");

const rules = [
  "gpt-2",
  "smollm",
  "qwen2",
  "qwen35",
  "llama-bpe",
  "gpt-4o",
  "tekken",
  "deepseek-coder",
  "deepseek-v3",
  "default",
];

const corpus = [
  "It's five o'clock; I'LL go, we'Ve been, he'd 'RE and they're. don't Don'T DON'T",
  "In 1984, 12345 people of 678 paid 3.14 or 0.5 for 1,000,000 things (at 99%).",
  "def f(x):\n    return x + 1\n\n\nclass A:\n\tpass\r\n\r\n  \n   done\n",
  "HTMLParser fooBar FooBAR iPhone McDonald ABCdef xmlHTTPRequest ÄÖÜäöü Straße ÉCOLE école",
  "Привет, мир! Как дела? 你好，世界。我想在家工作。こんにちは世界 안녕하세요 สวัสดี नमस्ते दुनिया مرحبا",
  "🦙🚀 (ok) 😶‍🌫️ ✅ ½ ² Ⅷ ٣٤ e\u0301 a\u0308 ... --- === <<>> !!! ??? ''' \"\"\" $5 a_b c-d e/f\\g #h @i",
  "   leading, trailing   \n\t mixed \t \n  spaces    and  more     here      \u00a0nbsp\u3000wide",
];

const texts = [
  ...corpus,
  "",
  " ",
  "  ",
  "\n",
  " \n",
  "\n ",
  "\t\t\n\n x",
  "a",
  " a",
  "a ",
  "hello world",
  "  Hello  World  ",
  "I'm you're he'LL WE'VE 'twas 'S's",
  "1 12 123 1234 12345 123456789 3,5 3.5.5 v1.2 1a2b3c",
  "e\u0301e\u0301 n\u0303 \u0301x नमस्ते दुनिया กำลัง",
  "你好123世界abc，。！", "日本語テキスト とEnglish混合",
  "<|im_start|>user\nhi<|im_end|> <think>x</think>",
  "a<think>b <think> c", "<s>x</s> <0x41> \u2581y \u2581\u2581z",
  "🦙🦙 👩‍👩‍👧‍👦 🇩🇪🇫🇷",
  "foo\r\nbar\rbaz\n\r\n",
  "((((((()))))))", "a.b.c...d....e", "http://example.com/a?b=c&d=%20#e",
  "\u00a0\u00a0x\u3000\u3000y\u2003z",
];

// Where llama.cpp's regex engine departs from the models' own tokenizers, which we follow: it takes combining
// marks for no part of a cased word, and white space for no character of the range U+0800 to U+4E00.
const differs = { "gpt-4o": /\p{M}/u, tekken: /\p{M}/u, "deepseek-coder": /\u3000/u };

// Seeded, so that the file can be made again.
let state = 2463534242;
const random = (n) => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % n;
};
const pieces = [..."abEHT's'lL'réÉßжЖ你的1239½ ٣.,!?-<>|/\\_$\"(\n\r\t    \u3000\u0301ने🦙🚀", "the", "ing", "'re", " a", "\n\n", "123"];
for (let i = 0; i < 60; i++) {
  let text = "";
  for (let length = 1 + random(24); length > 0; length--) text += pieces[random(pieces.length)];
  texts.push(text);
}

/** Merges the most frequent neighbours, over and over; `symbols` are lists of strings. */
function train(symbols, count) {
  const merges = [];
  while (merges.length < count) {
    const counts = new Map();
    for (const line of symbols) {
      for (let i = 0; i + 1 < line.length; i++) {
        if ((line[i] + line[i + 1]).length > 12) continue;
        const pair = `${line[i]}\0${line[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    let best;
    for (const [pair, n] of counts) if (best === undefined || n > counts.get(best)) best = pair;
    if (best === undefined) break;
    const [left, right] = best.split("\0");
    merges.push([left, right]);
    symbols = symbols.map((line) => {
      const merged = [];
      for (const symbol of line) {
        if (symbol === right && merged.at(-1) === left) merged[merged.length - 1] = left + right;
        else merged.push(symbol);
      }
      return merged;
    });
  }
  return merges;
}

const lines = [...corpus, ...texts.slice(-60, -30)];
const byteCharacters = Array.from({ length: 256 }, (_, byte) => byte).reduce(
  ({ list, others }, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    list.push(String.fromCharCode(printable ? byte : 256 + others));
    return { list, others: printable ? others : others + 1 };
  },
  { list: [], others: 0 },
).list;

function byteLevelVocabulary() {
  const spelled = lines.map((line) => Array.from(Buffer.from(line), (byte) => byteCharacters[byte]));
  const merges = train(spelled, 700);
  const tokens = [...new Set([...byteCharacters, ...merges.map(([a, b]) => a + b)])];
  const types = tokens.map(() => 1);
  for (const [text, type] of [["<|im_start|>", 3], ["<|im_end|>", 3], ["<think>", 4], ["</think>", 4]]) {
    tokens.push(text);
    types.push(type);
  }
  return { tokens, types, merges: merges.map((merge) => merge.join(" ")) };
}

function sentencePieceVocabulary() {
  const marked = lines.map((line) => [...` ${line}`.replaceAll(" ", "\u2581")]);
  const merges = train(marked, 500);
  const letters = new Set(marked.flat().filter((letter) => letter.codePointAt(0) < 0x500 || letter === "\u2581"));
  const tokens = ["<unk>", "<s>", "</s>"];
  const types = [2, 3, 3];
  const scores = [0, 0, 0];
  const push = (text, type, score) => {
    if (tokens.includes(text)) return;
    tokens.push(text);
    types.push(type);
    scores.push(score);
  };
  for (let byte = 0; byte < 256; byte++) push(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, 6, 0);
  // Equal scores every third time: then the leftmost pair goes first.
  merges.forEach(([a, b], i) => push(a + b, 1, -Math.floor(i / 3)));
  for (const letter of letters) push(letter, 1, -1000);
  for (const text of ["<think>", "</think>", "    "]) push(text, 4, 0);
  for (const text of ["<|im_start|>", "<|im_end|>"]) push(text, 3, 0);
  return { tokens, types, scores };
}

// A GGUF without tensors: magic, version 3, no tensors, the pairs.
const u32 = (value) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const f32 = (value) => Buffer.from(Float32Array.of(value).buffer);
const string = (value) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const list = (type, items) => [9, Buffer.concat([u32(type), u64(items.length), ...items])];
function writeGguf(file, pairs) {
  const encoded = Object.entries(pairs).map(([key, [type, value]]) => Buffer.concat([string(key), u32(type), value]));
  writeFileSync(file, Buffer.concat([Buffer.from("GGUF"), u32(3), u64(0), u64(encoded.length), ...encoded]));
}

function pairs(model, rule, { tokens, types, merges, scores }) {
  const numbers = { context_length: 64, embedding_length: 8, block_count: 1, feed_forward_length: 8 };
  return {
    "general.architecture": [8, string("llama")],
    "general.name": [8, string("tokenizer goldens")],
    ...Object.fromEntries(Object.entries(numbers).map(([key, value]) => [`llama.${key}`, [4, u32(value)]])),
    "llama.attention.head_count": [4, u32(1)],
    "llama.attention.layer_norm_rms_epsilon": [6, f32(1e-5)],
    "tokenizer.ggml.model": [8, string(model)],
    "tokenizer.ggml.pre": [8, string(rule)],
    "tokenizer.ggml.tokens": list(8, tokens.map(string)),
    "tokenizer.ggml.token_type": list(5, types.map(u32)),
    ...(merges && { "tokenizer.ggml.merges": list(8, merges.map(string)) }),
    ...(scores && { "tokenizer.ggml.scores": list(6, scores.map(f32)) }),
    "tokenizer.ggml.bos_token_id": [4, u32(1)],
    "tokenizer.ggml.eos_token_id": [4, u32(2)],
  };
}

const oracle = await openOracle();
const dir = mkdtempSync(path.join(tmpdir(), "tokenizers-"));
try {
  const byteLevel = byteLevelVocabulary();
  const sentencePiece = sentencePieceVocabulary();
  const ids = {};
  for (const rule of [...rules, "llama"]) {
    const file = path.join(dir, `${rule}.gguf`);
    if (rule === "llama") writeGguf(file, pairs("llama", "default", sentencePiece));
    else writeGguf(file, pairs("gpt2", rule, byteLevel));
    const model = await oracle.openVocabulary(file);
    ids[rule] = texts.map((text) => {
      if (differs[rule]?.test(text)) return null;
      const plain = [...model.tokenize(text, false)];
      const special = [...model.tokenize(text, true)];
      return String(plain) === String(special) ? { plain } : { plain, special };
    });
    await model.dispose();
  }
  mkdirSync(path.dirname(output), { recursive: true });
  const golden = { ...oracle.versions, byteLevel, sentencePiece, texts, ids };
  writeFileSync(output, `${JSON.stringify(golden)}\n`);
} finally {
  rmSync(dir, { recursive: true });
}
process.exit(0);
