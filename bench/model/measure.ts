/** Runs `measure()` of a page in a browser and takes the medians of its runs. */

import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser } from "playwright";
import { installAside } from "../../scripts/aside.mjs";
import type { AdapterLaunch } from "../../scripts/browsers.mjs";
import { root } from "../../scripts/install.mjs";
import type { Mount } from "../../scripts/serve.mjs";
import type { DecoderConfig } from "../../src/runtime/models/config.ts";
import type { OmniStats } from "../../src/runtime/types.ts";
import { ownLibrary, withBuiltPage } from "../browser.ts";
import { median } from "../cli.ts";
import { llamaGraph } from "../onnx/llama.ts";
import { writeOnnx } from "../onnx/onnxFile.ts";
import { workerCpuMs } from "./workerCpu.ts";

export interface ModelRequest {
  promptTokens: number;
  tokens: number;
  runs: number;
  /** Cached positions behind which decoding is measured as well. */
  contexts: number[];
  /** Whether kernels are tuned before. */
  tuned: boolean;
  /** Positions that the cache is to hold; undefined: the model's. */
  contextLength: number | undefined;
}

export interface ModelFigures {
  loadMs: number;
  firstTokenMs: number;
  prefillTokensPerSecond: number;
  decodeTokensPerSecond: number;
  /** What follows is of our own runtime only. CPU time of the worker's thread for each token. */
  workerCpuMs?: number | undefined;
  /** Of it, the engine's own time to encode, submit and read back a step. */
  stepCpuMs?: number;
  /** The page's longest task while it generated; 0 where none took 50 ms. */
  longestTaskMs?: number;
  behind?: { positions: number; tokensPerSecond: number }[];
}

interface PageResult {
  loadMs: number;
  measured: {
    firstTokenMs: number;
    prompt_per_second: number;
    predicted_per_second: number;
    workerCpuMs?: number | null;
    stepCpuMs?: number;
  }[];
  behind?: { positions: number; speeds: number[] }[];
  longestTaskMs?: number;
  stats?: OmniStats;
}

async function measureIn(
  adapter: AdapterLaunch,
  file: string,
  page: string,
  library: Mount,
  options: ModelRequest & { onGpu?: boolean; layers?: number; kvHeads?: number; headWidth?: number },
): Promise<{ figures: ModelFigures; stats: OmniStats | undefined }> {
  const expose = (browser: Browser) => ({
    workerCpuMs: async () => (await workerCpuMs(browser)) ?? null,
  });
  const result = await withBuiltPage(
    adapter,
    { page: `model/${page}`, file, library, expose },
    (tab, model) =>
      tab.evaluate(
        (options) =>
          (globalThis as unknown as { measure(options: unknown): Promise<PageResult> }).measure(options),
        { model, ...options },
      ),
  );
  return { figures: figuresOf(result), stats: result.stats };
}

function figuresOf({ loadMs, measured, behind, longestTaskMs }: PageResult): ModelFigures {
  const middle = (key: "firstTokenMs" | "prompt_per_second" | "predicted_per_second" | "stepCpuMs") =>
    median(measured.map((run) => run[key] ?? Number.NaN));
  const cpu = measured.map((run) => run.workerCpuMs).filter((ms) => typeof ms === "number");
  return {
    loadMs,
    firstTokenMs: middle("firstTokenMs"),
    prefillTokensPerSecond: middle("prompt_per_second"),
    decodeTokensPerSecond: middle("predicted_per_second"),
    ...(longestTaskMs !== undefined && {
      workerCpuMs: cpu.length > 0 ? median(cpu) : undefined,
      stepCpuMs: middle("stepCpuMs"),
      longestTaskMs,
      behind: behind?.map(({ positions, speeds }) => ({ positions, tokensPerSecond: median(speeds) })) ?? [],
    }),
  };
}

export async function measureOwn(
  adapter: AdapterLaunch,
  file: string,
  request: ModelRequest,
): Promise<{ figures: ModelFigures; stats: OmniStats }> {
  const { figures, stats } = await measureIn(adapter, file, "page.html", ownLibrary, request);
  return { figures, stats: stats! };
}

/**
 * wllama on the same file, on this adapter or on the CPU alone. Its WebGPU backend needs `shader-f16`; without, it
 * runs on the CPU and does not say so.
 */
export async function measureWllama(
  adapter: AdapterLaunch,
  file: string,
  request: ModelRequest,
  onGpu: boolean,
): Promise<ModelFigures> {
  const library = { path: "/peer/", dir: path.join(root, "node_modules/@wllama/wllama/esm") };
  return (await measureIn(adapter, file, "wllama.html", library, { ...request, onGpu })).figures;
}

/** onnxruntime-web's WebGPU provider on a llama of these sizes with random 4-bit weights; installed aside (138 MB). */
export async function measureOnnxRuntime(
  adapter: AdapterLaunch,
  config: DecoderConfig,
  request: ModelRequest,
): Promise<ModelFigures> {
  const aside = installAside("onnxruntime", ["onnxruntime-web@1.30.0"]);
  const file = path.join(root, ".cache/bench/llama.onnx");
  const graph = llamaGraph(config, request.promptTokens + request.tokens + 1);
  writeFileSync(file, Buffer.concat(writeOnnx(graph, ["com.microsoft"])));
  const library = { path: "/peer/", dir: path.join(aside, "node_modules/onnxruntime-web/dist") };
  const { layers, kvHeads, headWidth } = config;
  const options = { ...request, layers, kvHeads, headWidth };
  return (await measureIn(adapter, file, "onnxruntime.html", library, options)).figures;
}
