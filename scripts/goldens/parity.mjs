#!/usr/bin/env node
/** Makes the goldens of `src/runtime/engine/parity`: what llama.cpp says of the random-weight models there. */

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { runnerImport } from "vite";
import { openOracle } from "./oracle.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const goldenDir = path.join(root, "src/runtime/engine/parity/goldens");
const modelDir = path.join(root, ".cache/parity");
mkdirSync(goldenDir, { recursive: true });
mkdirSync(modelDir, { recursive: true });

const load = async (file) => (await runnerImport(path.join(root, file), { root, configFile: false })).module;
const { parityModels } = await load("src/runtime/engine/parity/models.ts");
const { makeRandomModel } = await load("src/runtime/weights/testing/randomModel.ts");

const oracle = await openOracle();
const index = { oracle: oracle.versions, models: {} };
for (const { name, model, tokens } of parityModels) {
  const file = path.join(modelDir, `${name}.gguf`);
  const bytes = makeRandomModel(model);
  writeFileSync(file, bytes);
  const opened = await oracle.open(file);
  const rows = await opened.probabilities(tokens, model.vocab);
  await opened.close();
  const golden = new Float32Array(rows.length * model.vocab);
  rows.forEach((row, i) => {
    golden.set(row, i * model.vocab);
  });
  writeFileSync(path.join(goldenDir, `${name}.bin`), new Uint8Array(golden.buffer));
  index.models[name] = { sha256: createHash("sha256").update(bytes).digest("hex") };
  console.log(name, `${golden.byteLength} bytes`);
}
writeFileSync(path.join(goldenDir, "index.json"), `${JSON.stringify(index, null, 2)}\n`);
process.exit(0);
