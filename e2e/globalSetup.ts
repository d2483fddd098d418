/** What the pages under test are given: small models made on the spot, and the `openai` client as one file. */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build, runnerImport } from "vite";
import { fixtures } from "./site.ts";

const root = path.resolve(import.meta.dirname, "..");

export default async function globalSetup() {
  mkdirSync(fixtures, { recursive: true });
  await Promise.all([writeModels(), bundleOpenai()]);
}

async function writeModels() {
  const testing = path.join(root, "src/runtime/weights/testing/randomModel.ts");
  const { makeRandomModel } = (
    await runnerImport<typeof import("../src/runtime/weights/testing/randomModel.ts")>(testing)
  ).module;
  const shape = {
    layers: 2,
    width: 64,
    heads: 4,
    kvHeads: 2,
    headWidth: 16,
    feedForward: 128,
    vocab: 512,
  } as const;
  const good = makeRandomModel({ architecture: "llama", type: "q8_0", contextLength: 256, ...shape });
  const other = makeRandomModel({
    architecture: "qwen3",
    type: "f16",
    contextLength: 256,
    seed: 2,
    ...shape,
  });
  writeFileSync(path.join(fixtures, "random.gguf"), good);
  writeFileSync(path.join(fixtures, "other.gguf"), other);
  // The same file with an architecture of the same length that nobody has.
  writeFileSync(path.join(fixtures, "unknown.gguf"), replaceAscii(good, "llama", "lhama"));
  writeFileSync(
    path.join(fixtures, "page.gguf"),
    "<!doctype html><title>Not found</title><p>Sign in to go on.</p>",
  );
}

function replaceAscii(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1").replaceAll(from, to);
  return Buffer.from(text, "latin1");
}

async function bundleOpenai() {
  await build({
    root,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    build: {
      outDir: path.join(fixtures, "vendor"),
      emptyOutDir: true,
      lib: {
        entry: path.join(root, "node_modules/openai/index.mjs"),
        formats: ["es"],
        fileName: () => "openai.js",
      },
    },
  });
}
