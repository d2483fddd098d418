#!/usr/bin/env node
/**
 * Makes the goldens of `src/runtime/engine/parity`: what llama.cpp says of the random-weight models there.
 * Only those are made whose models are new or have changed; delete `goldens/index.json` to make all.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { runnerImport } from "vite";
import { openOracle } from "./oracle.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const goldenDir = path.join(root, "src/runtime/engine/parity/goldens");
const modelDir = path.join(root, ".cache/parity");
mkdirSync(goldenDir, { recursive: true });
mkdirSync(modelDir, { recursive: true });

const load = async (file) => (await runnerImport(path.join(root, file), { root, configFile: false })).module;
const { parityModels, everyNth } = await load("src/runtime/engine/parity/models.ts");
const { makeRandomModel } = await load("src/runtime/weights/testing/randomModel.ts");

const oracle = await openOracle();
const indexFile = path.join(goldenDir, "index.json");
const made = existsSync(indexFile) ? JSON.parse(readFileSync(indexFile, "utf8")).models : {};
const index = { oracle: oracle.versions, models: {} };
for (const { name, model, tokens, stride } of parityModels) {
  const bytes = makeRandomModel(model);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  index.models[name] = { sha256 };
  if (made[name]?.sha256 === sha256) continue;
  const file = path.join(modelDir, `${name}.gguf`);
  writeFileSync(file, bytes);
  const opened = await oracle.open(file);
  const rows = everyNth(await opened.probabilities(tokens, model.vocab), stride);
  await opened.close();
  const golden = new Float32Array(rows.length * model.vocab);
  rows.forEach((row, i) => {
    golden.set(row, i * model.vocab);
  });
  writeFileSync(path.join(goldenDir, `${name}.bin`), new Uint8Array(golden.buffer));
  console.log(name, `${golden.byteLength} bytes`);
}
writeFileSync(indexFile, `${JSON.stringify(index, null, 2)}\n`);
process.exit(0);
