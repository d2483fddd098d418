// @ts-check
/**
 * `npm run bench`: how fast a model loads, reads and writes, in headless Chromium with the built library.
 *
 *   npm run bench                                        the embedded model
 *   npm run bench -- model.gguf --prompt 138 --tokens 32 --runs 3
 *   npm run bench -- --adapter swiftshader               default: lavapipe where it is set up; `all` for each
 *   npm run bench -- --random '{"architecture":"llama","layers":30,"width":576}'
 *   npm run bench -- --peer wllama                       also llama.cpp's WebGPU backend, same browser, same file
 *   npm run bench -- --json                              numbers only
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { adapterLaunches } from "../scripts/browsers.mjs";
import { ensureDependencies, root } from "../scripts/install.mjs";
import { serve } from "../scripts/serve.mjs";

/** What `--random` starts from: the shape of a small chat model of 135 M parameters. */
const randomDefaults = {
  architecture: "llama",
  layers: 30,
  width: 576,
  heads: 9,
  kvHeads: 3,
  headWidth: 64,
  feedForward: 1536,
  vocab: 49152,
  type: "q8_0",
  contextLength: 2048,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    adapter: { type: "string" },
    prompt: { type: "string", default: "138" },
    tokens: { type: "string", default: "32" },
    runs: { type: "string", default: "3" },
    random: { type: "string" },
    peer: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(`bench: ${message}`);
  process.exit(1);
}

/** @param {"prompt" | "tokens" | "runs"} name */
function count(name) {
  const value = Number(values[name]);
  return Number.isInteger(value) && value > 0 ? value : fail(`--${name} ${values[name]} is not a count`);
}

/** The file of a random model of the given shape. @param {string} json */
async function randomModel(json) {
  const { runnerImport } = await import("vite");
  const { module } = await runnerImport(path.join(root, "src/runtime/weights/testing/randomModel.ts"));
  const file = path.join(root, ".cache/bench/random.gguf");
  mkdirSync(path.dirname(file), { recursive: true });
  try {
    writeFileSync(file, module.makeRandomModel({ ...randomDefaults, ...JSON.parse(json) }));
  } catch (error) {
    fail(`--random: ${error instanceof Error ? error.message : error}`);
  }
  return file;
}

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return /** @type {number} */ (sorted[sorted.length >> 1]);
}

/**
 * Runs `measure()` of a page beside this file, and takes the medians of its runs.
 *
 * @param {import("../scripts/browsers.mjs").AdapterLaunch} adapter
 * @param {string} file the model
 * @param {string} page
 * @param {import("../scripts/serve.mjs").Mount} library what the page imports
 * @param {object} [more] options of `measure()` besides model and counts
 */
async function measureIn({ launch }, file, page, library, more) {
  const { chromium } = await import("playwright");
  const { headers = {} } = library;
  const server = await serve([
    { path: "/model/", dir: path.dirname(file), headers },
    library,
    { path: "/", dir: path.join(root, "bench"), headers },
  ]);
  const browser = await chromium.launch(launch);
  try {
    const tab = await browser.newPage();
    await tab.goto(`${server.origin}/${page}`);
    await tab.waitForFunction(() => "measure" in globalThis);
    const options = {
      model: `${server.origin}/model/${encodeURIComponent(path.basename(file))}`,
      promptTokens: count("prompt"),
      tokens: count("tokens"),
      runs: count("runs"),
      ...more,
    };
    const { loadMs, measured, stats } = await tab.evaluate(
      // @ts-expect-error: the page's script puts it there
      (options) => globalThis.measure(options),
      options,
    );
    /** @type {(key: string) => number} */
    const middle = (key) => median(measured.map((/** @type {Record<string, number>} */ run) => run[key]));
    const figures = {
      /** @type {number} */
      loadMs,
      firstTokenMs: middle("firstTokenMs"),
      prefillTokensPerSecond: middle("prompt_per_second"),
      decodeTokensPerSecond: middle("predicted_per_second"),
    };
    return { figures, stats };
  } finally {
    await browser.close();
    await server.close();
  }
}

/**
 * @param {import("../scripts/browsers.mjs").AdapterLaunch} adapter
 * @param {string} file
 */
async function benchmark(adapter, file) {
  const library = { path: "/omnitab/", dir: path.join(root, "dist/lib") };
  const { figures, stats } = await measureIn(adapter, file, "page.html", library);
  return {
    adapter: adapter.name,
    model: stats.model.id,
    parameters: stats.model.parameters,
    promptTokens: count("prompt"),
    tokens: count("tokens"),
    ...figures,
    dispatchesPerToken: stats.dispatchesPerToken,
    gpuBytes: stats.gpuBytes,
    f16: stats.adapter.f16,
    subgroups: stats.adapter.subgroups,
    /** @type {Record<string, typeof figures>} */
    peers: {},
  };
}

/**
 * wllama on the same file, on this adapter or on the CPU alone. Its WebGPU backend needs `shader-f16`; without, it
 * runs on the CPU and does not say so.
 *
 * @param {import("../scripts/browsers.mjs").AdapterLaunch} adapter
 * @param {string} file
 * @param {boolean} onGpu
 */
async function peer(adapter, file, onGpu) {
  const library = {
    path: "/peer/",
    dir: path.join(root, "node_modules/@wllama/wllama/esm"),
    // Its threads need a cross-origin isolated page.
    headers: {
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    },
  };
  return (await measureIn(adapter, file, "wllama.html", library, { onGpu })).figures;
}

/** @param {Awaited<ReturnType<typeof benchmark>>[]} results */
function print(results) {
  /** @type {(sizeBytes: number) => string} */
  const mebibytes = (sizeBytes) => `${(sizeBytes / 2 ** 20).toFixed(1)} MiB`;
  for (const result of results) {
    const { gpuBytes } = result;
    const rows = {
      adapter: result.adapter,
      model: `${result.model} (${(result.parameters / 1e6).toFixed(1)} M parameters)`,
      load: `${result.loadMs.toFixed(0)} ms`,
      "first token": `${result.firstTokenMs.toFixed(0)} ms after a prompt of ${result.promptTokens}`,
      prefill: `${result.prefillTokensPerSecond.toFixed(1)} tokens/s`,
      decode: `${result.decodeTokensPerSecond.toFixed(1)} tokens/s over ${result.tokens}`,
      "dispatches per token": String(result.dispatchesPerToken),
      "GPU memory": mebibytes(gpuBytes.total),
      "  weights": mebibytes(gpuBytes.weights),
      "  KV cache": mebibytes(gpuBytes.kvCache),
      "  activations": mebibytes(gpuBytes.activations),
    };
    for (const [name, figures] of Object.entries(result.peers)) {
      /** @type {(own: number, theirs: number) => string} */
      const versus = (own, theirs) =>
        `${theirs.toFixed(1)} tokens/s; ours is ${(own / theirs).toFixed(1)} times that`;
      Object.assign(rows, {
        [name]: `load ${figures.loadMs.toFixed(0)} ms, first token ${figures.firstTokenMs.toFixed(0)} ms`,
        [`  ${name} prefill`]: versus(result.prefillTokensPerSecond, figures.prefillTokensPerSecond),
        [`  ${name} decode`]: versus(result.decodeTokensPerSecond, figures.decodeTokensPerSecond),
      });
    }
    for (const [label, value] of Object.entries(rows)) console.log(`${label.padEnd(26)}${value}`);
    console.log("");
  }
}

ensureDependencies();
const stdio = /** @type {const} */ (["ignore", "ignore", "inherit"]);
if (
  spawnSync(process.execPath, [path.join(root, "scripts/build.mjs"), "lib"], { stdio: [...stdio] }).status !==
  0
)
  fail("the library could not be built");

const file = values.random
  ? await randomModel(values.random)
  : path.resolve(positionals[0] ?? path.join(root, "public/models/omni-tiny.gguf"));
if (!existsSync(file)) fail(`there is no file ${file}`);
const all = adapterLaunches();
const wanted = values.adapter ?? (all.some(({ name }) => name === "lavapipe") ? "lavapipe" : "swiftshader");
const chosen = wanted === "all" ? all : all.filter(({ name }) => name === wanted);
if (chosen.length === 0) fail(`no adapter ${wanted} is set up here; \`npm test -- gpu\` sets up what it can`);

if (values.peer && values.peer !== "wllama") fail(`there is no peer ${values.peer}; wllama is one`);

const results = [];
for (const adapter of chosen) {
  const result = await benchmark(adapter, file);
  if (values.peer) {
    result.peers["wllama, WebGPU"] = await peer(adapter, file, true);
    result.peers["wllama, CPU"] = await peer(adapter, file, false);
  }
  results.push(result);
}
if (values.json) console.log(JSON.stringify(results, null, 2));
else print(results);
