#!/usr/bin/env node
/** Makes `embedded.json` of `src/runtime/engine/parity`: llama.cpp's greedy answers of the embedded model in F32 form. */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { runnerImport } from "vite";
import { openOracle } from "./oracle.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const parityDir = path.join(root, "src/runtime/engine/parity");
const modelDir = path.join(root, ".cache/parity");
mkdirSync(modelDir, { recursive: true });

const load = async (file) => (await runnerImport(path.join(root, file), { root, configFile: false })).module;
const { embeddedPrompts, mostTokens } = await load("src/runtime/engine/parity/embeddedPrompts.ts");
const { dequantizedFile } = await load("src/runtime/weights/testing/dequantizedFile.ts");
const { parseGguf } = await load("src/runtime/weights/gguf.ts");
const { createTokenizer } = await load("src/runtime/text/tokenizer.ts");
const { createChatTemplate } = await load("src/runtime/text/chatTemplate.ts");

const bytes = new Uint8Array(readFileSync(path.join(root, "public/models/omni-tiny.gguf")));
const { metadata } = parseGguf(bytes, bytes.length);
const tokenizer = createTokenizer(metadata);
const template = createChatTemplate(metadata.get("tokenizer.chat_template"), tokenizer);
const file = path.join(modelDir, "omni-tiny-f32.gguf");
writeFileSync(file, dequantizedFile(bytes));

const oracle = await openOracle();
const opened = await oracle.open(file);
const answers = [];
for (const messages of embeddedPrompts) {
  const prompt = template.tokens(messages);
  const theirs = opened.model.tokenize(template.text(messages), true);
  if (String(theirs) !== String(prompt))
    throw new Error(`tokenizers disagree on ${JSON.stringify(messages)}:\n${prompt}\n${theirs}`);
  const answer = await opened.greedy(prompt, mostTokens);
  answers.push({ prompt, answer });
  console.log(JSON.stringify(messages.at(-1).content), "->", JSON.stringify(tokenizer.decode(answer)));
}
const sha256 = createHash("sha256").update(bytes).digest("hex");
writeFileSync(
  path.join(parityDir, "goldens/embedded.json"),
  `${JSON.stringify({ oracle: oracle.versions, sha256, answers })}\n`,
);
process.exit(0);
