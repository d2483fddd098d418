// @ts-check
/**
 * `npm run bench -- [mode] …`; see README.md.
 *
 *   model      (default) how fast a model loads, reads and writes, in headless Chromium with the built library
 *   engine     many requests at once: speed, gaps, turns, constraints
 *   encoder    encoders of sound and pictures against onnxruntime-web
 *   kernels    each kernel of a model by itself, on the same adapter
 *   isa        what AMD's compiler makes of each kernel, for GPUs that are not there
 *   roofline   what a decode step reads and writes, and what that allows on real GPUs
 */

import path from "node:path";
import process from "node:process";
import { ensureDependencies, root } from "../scripts/install.mjs";

const modes = ["model", "engine", "encoder", "kernels", "isa", "roofline"];

const [first = "", ...rest] = process.argv.slice(2);
const mode = modes.includes(first) ? first : "model";
ensureDependencies();
const { runnerImport } = await import("vite");
const entry = path.join(root, "bench", mode, "main.ts");
const { module } = await runnerImport(entry, { root, configFile: false, logLevel: "warn" });
try {
  await module.main(mode === first ? rest : process.argv.slice(2));
} catch (error) {
  // A wrong option or a missing tool is explained by its message; anything else by where it comes from.
  const expected = error instanceof Error && (error.name === "BenchError" || "code" in error);
  console.error(expected ? `bench: ${error.message}` : error);
  process.exitCode = 1;
}
process.exit();
