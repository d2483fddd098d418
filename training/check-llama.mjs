// Does llama.cpp load the exported model, tokenize as the training tokenizer does, and answer (greedily) as torch does?
// usage: node check-llama.mjs FOLDER MODEL.gguf PARITY.json     FOLDER has node_modules/node-llama-cpp; PARITY.json is evaluate.py's
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [folder, model, parity] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(folder), "x.js"));
const { getLlama } = await import(require.resolve("node-llama-cpp"));
const llama = await getLlama({ gpu: false, build: "never", logLevel: "warn" });
const loaded = await llama.loadModel({ modelPath: path.resolve(model) });
const { texts, prompts } = JSON.parse(fs.readFileSync(parity, "utf8"));
const same = (a, b) => JSON.stringify([...a]) === JSON.stringify([...b]);

const different = texts.filter(({ text, ids }) => !same(loaded.tokenize(text, false), ids));
for (const { text, ids } of different.slice(0, 5)) console.log("tokens differ:", JSON.stringify(text), [...loaded.tokenize(text, false)], ids);
console.log(`tokenization: ${texts.length - different.length} of ${texts.length} texts equal`);

const context = await loaded.createContext({ contextSize: 1024, threads: 1, flashAttention: false });
let equal = 0;
for (const { ids, reply } of prompts) {
  const sequence = context.getSequence();
  const out = [];
  for await (const token of sequence.evaluate(ids, { temperature: 0 })) {
    if (loaded.isEogToken(token) || out.push(token) === 220) break;
  }
  await sequence.dispose();
  if (same(out, reply)) equal++;
  else console.log("reply differs:\n  llama.cpp:", loaded.detokenize(out), "\n  torch:    ", loaded.detokenize(reply));
}
console.log(`greedy replies: ${equal} of ${prompts.length} equal`);
process.exit(different.length ? 1 : 0);
