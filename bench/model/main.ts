/** `npm run bench`: how fast a model loads, reads and writes, in headless Chromium with the built library. */

import { existsSync, openAsBlob } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import type { AdapterLaunch } from "../../scripts/browsers.mjs";
import { root } from "../../scripts/install.mjs";
import { modelConfig } from "../../src/runtime/models/architectures.ts";
import { BlobSource } from "../../src/runtime/weights/blobSource.ts";
import { readGgufHeader } from "../../src/runtime/weights/gguf.ts";
import { SourceReader } from "../../src/runtime/weights/reader.ts";
import type { GgufHeader } from "../../src/runtime/weights/types.ts";
import { buildLibrary, chosenAdapters } from "../browser.ts";
import { countOf, fail } from "../cli.ts";
import { kernelLayers, measureKernels } from "../kernels/main.ts";
import { randomModelFile } from "../randomModel.ts";
import { multipliedWeights, packHeader } from "../shapes.ts";
import { type ModelRequest, measureOnnxRuntime, measureOwn, measureWllama } from "./measure.ts";
import { printResult, type Result } from "./report.ts";

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      adapter: { type: "string" },
      prompt: { type: "string", default: "138" },
      tokens: { type: "string", default: "32" },
      runs: { type: "string", default: "3" },
      context: { type: "string" },
      random: { type: "string" },
      peer: { type: "string" },
      tuned: { type: "boolean", default: false },
      "no-kernels": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const contexts = values.context?.split(",").map((each) => countOf("--context", each, 2)) ?? [];
  const tokens = countOf("--tokens", values.tokens);
  const promptTokens = countOf("--prompt", values.prompt, 2);
  const needed = Math.max(...contexts, promptTokens) + tokens + 1;
  const request: ModelRequest = {
    ...{ promptTokens, tokens, runs: countOf("--runs", values.runs), contexts, tuned: values.tuned },
    contextLength: contexts.length > 0 ? needed : undefined,
  };
  const peers = values.peer?.split(",") ?? [];
  const unknown = peers.find((peer) => !["wllama", "onnxruntime"].includes(peer));
  if (unknown) fail(`there is no peer ${unknown}; wllama and onnxruntime are`);
  const adapters = chosenAdapters(values.adapter);
  const file = values.random
    ? randomModelFile(values.random)
    : path.resolve(positionals[0] ?? path.join(root, "public/models/omni-tiny.gguf"));
  if (!existsSync(file)) fail(`there is no file ${file}`);
  const header = await readGgufHeader(new SourceReader(new BlobSource(await openAsBlob(file))));
  buildLibrary();

  const results: Result[] = [];
  for (const adapter of adapters) {
    const result = await benchmark(adapter, file, header, request, !values["no-kernels"]);
    if (peers.includes("wllama")) {
      result.peers["wllama, WebGPU"] = await measureWllama(adapter, file, request, true);
      result.peers["wllama, CPU"] = await measureWllama(adapter, file, request, false);
    }
    if (peers.includes("onnxruntime")) {
      const name = "onnxruntime, WebGPU";
      result.peers[name] = await measureOnnxRuntime(adapter, modelConfig(header), request);
    }
    results.push(result);
    if (!values.json) printResult(result);
  }
  if (values.json) console.log(JSON.stringify(results, null, 2));
}

async function benchmark(
  adapter: AdapterLaunch,
  file: string,
  header: GgufHeader,
  request: ModelRequest,
  withKernels: boolean,
): Promise<Result> {
  const { figures, stats } = await measureOwn(adapter, file, request);
  const weights = multipliedWeights(header);
  const measured = withKernels ? await measureMatrices(adapter, header, request.promptTokens) : undefined;
  const best = measured?.kernels.reduce((a, b) => (b.weights / b.ms > a.weights / a.ms ? b : a));
  return {
    adapter: adapter.name,
    model: stats.model.id,
    parameters: stats.model.parameters,
    ...{ promptTokens: request.promptTokens, tokens: request.tokens },
    ...figures,
    dispatchesPerToken: stats.dispatchesPerToken,
    dispatches: measured?.dispatches,
    tuned: request.tuned ? stats.tuning.chosen : {},
    weightsPerSecond: weights * figures.decodeTokensPerSecond,
    bestGemv: best && { name: best.name, weightsPerSecond: (best.weights / best.ms) * 1e3 },
    gpuBytes: stats.gpuBytes,
    f16: stats.adapter.f16,
    subgroups: stats.adapter.subgroups,
    peers: {},
  };
}

/** Each kernel by itself that multiplies with a matrix of this model when it decodes. */
function measureMatrices(adapter: AdapterLaunch, header: GgufHeader, cached: number) {
  const plain = packHeader(header, kernelLayers);
  return measureKernels(adapter, {
    ...{ header: plain, cached, prefill: 0, words: [], known: [], weightsOnly: true },
  });
}
