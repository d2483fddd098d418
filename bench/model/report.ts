/** Prints what was measured of a model. */

import type { EngineStats } from "../../src/runtime/types.ts";
import type { ModelFigures } from "./measure.ts";

export interface Result extends ModelFigures {
  adapter: string;
  model: string;
  parameters: number;
  promptTokens: number;
  tokens: number;
  dispatchesPerToken: number;
  /** Variants that tuning chose, by kernel and shape. */
  tuned: Record<string, object>;
  /** By the labels of a decode step. */
  dispatches: { perLayer: number; outside: number } | undefined;
  /** Weights that decoding multiplies with, a second; and those of the fastest of its kernels by itself. */
  weightsPerSecond: number;
  bestGemv: { name: string; weightsPerSecond: number } | undefined;
  gpuBytes: EngineStats["gpuBytes"];
  f16: boolean;
  subgroups: boolean;
  peers: Record<string, ModelFigures>;
}

const mebibytes = (sizeBytes: number) => `${(sizeBytes / 2 ** 20).toFixed(1)} MiB`;
const giga = (perSecond: number) => `${(perSecond / 1e9).toFixed(2)} Gweights/s`;
const speed = (tokensPerSecond: number) => `${tokensPerSecond.toFixed(1)} tokens/s`;

export function printResult(result: Result): void {
  for (const [label, value] of rowsOf(result)) console.log(`${label.padEnd(30)}${value}`);
  console.log("");
}

export function rowsOf(result: Result): [string, string][] {
  const { gpuBytes, dispatches, bestGemv, behind = [] } = result;
  const rows: [string, string][] = [
    ["adapter", result.adapter],
    ["model", `${result.model} (${(result.parameters / 1e6).toFixed(1)} M parameters)`],
    ["load", `${result.loadMs.toFixed(0)} ms`],
    ["first token", `${result.firstTokenMs.toFixed(0)} ms after a prompt of ${result.promptTokens}`],
    ["prefill", speed(result.prefillTokensPerSecond)],
    ["decode", `${speed(result.decodeTokensPerSecond)} over ${result.tokens}`],
  ];
  const first = behind[0];
  for (const { positions, tokensPerSecond } of behind) {
    const part = first && positions !== first.positions ? tokensPerSecond / first.tokensPerSecond : undefined;
    const versus =
      part === undefined ? "" : `, ${(100 * part).toFixed(0)}% of that behind ${first!.positions}`;
    rows.push([`  behind ${positions}`, `${speed(tokensPerSecond)}${versus}`]);
  }
  rows.push(["  weights", giga(result.weightsPerSecond)]);
  if (bestGemv) {
    const part = (100 * result.weightsPerSecond) / bestGemv.weightsPerSecond;
    rows.push(["  best kernel by itself", `${giga(bestGemv.weightsPerSecond)} (${bestGemv.name})`]);
    rows.push(["  decode of that", `${part.toFixed(0)}%`]);
  }
  const split = dispatches ? `: ${dispatches.perLayer} a layer, ${dispatches.outside} outside` : "";
  rows.push(["dispatches per token", `${result.dispatchesPerToken}${split}`]);
  if (result.workerCpuMs !== undefined)
    rows.push(["worker's CPU per token", `${result.workerCpuMs.toFixed(2)} ms`]);
  if (result.stepCpuMs !== undefined)
    rows.push(["  of it for the step", `${result.stepCpuMs.toFixed(2)} ms`]);
  if (result.longestTaskMs !== undefined) {
    const longest = result.longestTaskMs === 0 ? "under 50 ms" : `${result.longestTaskMs.toFixed(0)} ms`;
    rows.push(["page's longest task", longest]);
  }
  rows.push(
    ["GPU memory", mebibytes(gpuBytes.total)],
    ["  weights", mebibytes(gpuBytes.weights)],
    ["  KV cache", mebibytes(gpuBytes.kvCache)],
    ["  activations", mebibytes(gpuBytes.activations)],
  );
  for (const [kernel, variant] of Object.entries(result.tuned))
    rows.push([`tuned ${kernel}`, JSON.stringify(variant)]);
  for (const [name, figures] of Object.entries(result.peers)) {
    const versus = (own: number, theirs: number) =>
      `${speed(theirs)}; ours is ${(own / theirs).toFixed(1)} times that`;
    rows.push(
      [name, `load ${figures.loadMs.toFixed(0)} ms, first token ${figures.firstTokenMs.toFixed(0)} ms`],
      [`  ${name} prefill`, versus(result.prefillTokensPerSecond, figures.prefillTokensPerSecond)],
      [`  ${name} decode`, versus(result.decodeTokensPerSecond, figures.decodeTokensPerSecond)],
    );
  }
  return rows;
}
