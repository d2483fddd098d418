/**
 * How a byte-level vocabulary cuts text into words before it merges bytes: `tokenizer.ggml.pre`.
 * The expressions are those of each model's own tokenizer.json, the names those of llama.cpp's
 * `llama-vocab.cpp`. They are written without inline flags and possessive quantifiers, which not every
 * browser has; `\s` becomes Unicode's White_Space, because JavaScript's counts U+FEFF and misses U+0085.
 */

import { unsupportedModel } from "../errors.ts";

/** Cuts text into words; `join` of the result is the text. */
export type Splitter = (text: string) => string[];

export interface PreTokenizer {
  split: Splitter;
  /** A word that is in the vocabulary as a whole is taken without merging. */
  ignoreMerges: boolean;
  /** `add_bos_token` where the file does not say. */
  addBos: boolean;
}

const contraction = "'(?:[sS]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])";
const spaces = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const symbols = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
const upper = "\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}";
const lower = "\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}";
/** Words that break where capitals start, as of o200k; `suffix` may hang on a word. */
const casedWords = (suffix: string) =>
  `[^\\r\\n\\p{L}\\p{N}]?[${upper}]*[${lower}]+${suffix}|[^\\r\\n\\p{L}\\p{N}]?[${upper}]+[${lower}]*${suffix}`;
const words = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";

const gpt2 = ["'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"];
const llama3 = [`${contraction}|${words}|\\p{N}{1,3}|${symbols}|${spaces}`];
const qwen2 = [`${contraction}|${words}|\\p{N}|${symbols}|${spaces}`];
const singleDigits = ["\\p{N}", ...gpt2];
const deepseek3 = [
  "\\p{N}{1,3}",
  "[\\u4E00-\\u9FA5\\u3040-\\u309F\\u30A0-\\u30FF]+",
  "[!-\\/:-@\\[-`{-~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|" +
    spaces,
];

/** Each expression cuts the pieces that the one before it left: matches and what lies between them. */
const expressions: Record<string, readonly string[]> = {
  "gpt-2": gpt2,
  "llama-bpe": llama3,
  qwen2,
  qwen35: [
    `${contraction}|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|${spaces}`,
  ],
  smollm: singleDigits,
  "gpt-4o": [`${casedWords(`(?:${contraction})?`)}|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${spaces}`],
  tekken: [`${casedWords("")}|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${spaces}`],
  "deepseek-coder": [
    "[\\r\\n]",
    "\\s?\\p{L}+",
    "\\s?\\p{P}+",
    "[\\u4E00-\\u9FA5\\u0800-\\u4E00\\uAC00-\\uD7FF]+",
    "\\p{N}",
  ],
  "deepseek-v3": deepseek3,
  default: ["[\\p{P}$+<=>^~|]+", ...gpt2, "\\p{N}+", "[0-9][0-9][0-9]"],
};

/** Other names for the same rule. */
const aliases: Record<string, string> = {
  ...named(
    "gpt-2",
    "phi-2",
    "mpt",
    "olmo",
    "jais",
    "trillion",
    "granite-docling",
    "exaone4",
    "mellum",
    "gigachat",
    "a.x-4.0",
  ),
  ...named(
    "llama-bpe",
    "llama3",
    "llama-v3",
    "falcon3",
    "falcon-h1",
    "pixtral",
    "midm-2.0",
    "lfm2",
    "dbrx",
    "smaug-bpe",
  ),
  ...named("llama-bpe", "glm4", "chatglm-bpe"),
  ...named("qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez", "kormo", "solar-open", "grok-2"),
  ...named("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"),
  ...named("gpt-4o", "llama4", "kanana2", "minimax-m2"),
  ...named("deepseek-v3", "hunyuan-dense"),
};

const ignoringMerges = new Set([
  "llama3",
  "llama-v3",
  "llama-bpe",
  "falcon3",
  "falcon-h1",
  "pixtral",
  "midm-2.0",
  "lfm2",
  "tekken",
]);

/** @throws OmniError `unsupported_model` that names the rule */
export function createPreTokenizer(name: string): PreTokenizer {
  const rule = Object.hasOwn(aliases, name) ? aliases[name]! : name;
  if (!Object.hasOwn(expressions, rule))
    throw unsupportedModel(
      `The tokenizer splits text by the rule "${name}", which is not supported.`,
      "tokenizer.ggml.pre",
    );
  return {
    split: createSplitter(expressions[rule]!),
    ignoreMerges: ignoringMerges.has(name),
    addBos: ignoringMerges.has(name),
  };
}

function createSplitter(sources: readonly string[]): Splitter {
  const compiled = sources.map(
    (source) =>
      new RegExp(source.replaceAll("\\s", "\\p{White_Space}").replaceAll("\\S", "\\P{White_Space}"), "gu"),
  );
  return (text) => {
    let pieces = text === "" ? [] : [text];
    for (const expression of compiled) pieces = pieces.flatMap((piece) => splitOnce(piece, expression));
    return pieces;
  };
}

function splitOnce(text: string, expression: RegExp): string[] {
  const pieces: string[] = [];
  let end = 0;
  for (const match of text.matchAll(expression)) {
    if (match.index > end) pieces.push(text.slice(end, match.index));
    pieces.push(match[0]);
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push(text.slice(end));
  return pieces;
}

function named(rule: string, ...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, rule]));
}
