/** `npm run bench -- isa [filter]`: what AMD's compiler makes of every kernel. */

import { parseArgs } from "node:util";
import type { WeightType } from "../../src/runtime/gpu/tensor.ts";
import { bytesOf, countOf, fail, listOf, printTable } from "../cli.ts";
import type { TappedDispatch } from "../recording/deviceTap.ts";
import { installFakeWebGpu, writtenBytes } from "../recording/fakeWebGpu.ts";
import { modelSteps } from "../recording/modelSteps.ts";
import { accessOf, readBytes, writtenBytes as writtenBytesOf } from "../recording/traffic.ts";
import { type KernelVariant, kernelVariants } from "../recording/variants.ts";
import { fits, modelShapes, type ShapeName, shapeHeader, weightTypes } from "../shapes.ts";
import { type Analysis, analyse } from "./analyse.ts";
import { computeSeconds, gpuModels } from "./estimate.ts";
import type { KernelRun } from "./jobs.ts";
import { peerKernels } from "./peer.ts";
import { setUpIsa } from "./setup.ts";

interface Case {
  /** Weight type of the model, or the peer. */
  type: string;
  name: string;
  /** Dispatches of it in a step. */
  count: number;
  run: KernelRun;
  weights: number;
  bytes: number;
}

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      shape: { type: "string", default: "qwen3-0.6b" },
      types: { type: "string", default: "all" },
      families: { type: "string", default: "navi21,navi31,vega10" },
      cached: { type: "string", default: "4096" },
      prefill: { type: "string", default: "0" },
      peer: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const shapeName = listOf("--shape", values.shape, Object.keys(modelShapes) as ShapeName[])[0]!;
  const types = listOf("--types", values.types, weightTypes);
  const families = listOf("--families", values.families, [...new Set(gpuModels.map(({ family }) => family))]);
  const cached = countOf("--cached", values.cached, 0);
  const prefill = countOf("--prefill", values.prefill, 0);

  const tools = setUpIsa();
  const rows: Row[] = [];
  for (const family of families) {
    const cases: Case[] = [];
    if (values.peer) {
      for (const { label, weights, bytes, ...run } of peerKernels(values.peer))
        cases.push({ type: "peer", name: label, count: 1, run: { label, ...run }, weights, bytes });
    } else {
      // Kernels are chosen by the architecture.
      installFakeWebGpu(gpuModels.find((gpu) => gpu.family === family)!.architecture);
      for (const type of types.filter((each) => fits(modelShapes[shapeName], each)))
        cases.push(...(await recordCases(shapeName, type, cached, prefill)));
    }
    const wanted = cases.filter(({ type, name }) =>
      positionals.every((word) => `${type} ${name}`.includes(word)),
    );
    if (wanted.length === 0) fail(`no kernel matches ${positionals.join(" ")}`);
    const kernels = wanted.map(({ run }) => run);
    const results = await analyse(tools, kernels, family);
    rows.push(...wanted.map((each, i) => ({ family, ...each, result: results[i]! })));
  }
  if (values.json) console.log(JSON.stringify(rows.map(({ run: _, ...row }) => row)));
  else print(shapeName, rows);
}

/** The kernels of a decode step, and of prefill where asked for. Kernels without weights only with the first type. */
async function recordCases(
  shape: ShapeName,
  type: WeightType,
  cached: number,
  prefill: number,
): Promise<Case[]> {
  const header = shapeHeader(modelShapes[shape], type);
  const pages = Math.ceil((Math.max(cached, prefill) + 1) / 32);
  const options = { contextLength: pages * 32, cacheType: "f16" as const, chunkTokens: Math.max(1, prefill) };
  const steps = await modelSteps(header, options);
  const { matrices, rowCapacity } = steps;
  const facts = { capacity: pages * 32, matrices, rowCapacity };
  const record = (dispatches: TappedDispatch[], tokens: number, positions: number, prefix: string) =>
    kernelVariants(dispatches, { ...facts, tokens, positions }).map((variant) =>
      toCase(type, prefix, variant),
    );
  const cases = record(await steps.decode(cached), 1, cached + 1, "");
  if (prefill > 0) cases.push(...record(await steps.prefill(prefill), prefill, prefill, "prefill "));
  steps.destroy();
  return cases;
}

function toCase(type: string, prefix: string, { name, dispatches, traffic }: KernelVariant): Case {
  const dispatch = dispatches[0]!;
  const access = accessOf(dispatch.source);
  const bindings = dispatch.bindings.map(({ binding, buffer, offsetBytes, sizeBytes }) => ({
    ...{ binding, sizeBytes, uniform: access.get(binding) === "uniform" },
    content: writtenBytes.get(buffer)?.slice(offsetBytes, offsetBytes + sizeBytes),
  }));
  const { label, source, constants, workgroups } = dispatch;
  return {
    ...{ type, name: prefix + name, count: dispatches.length, weights: traffic.weights },
    bytes: readBytes(traffic) + writtenBytesOf(traffic),
    run: { label, source, constants, workgroups, bindings },
  };
}

type Row = Case & { family: string; result: Analysis | { error: string } };

function print(shape: string, rows: Row[]): void {
  for (const family of new Set(rows.map((row) => row.family))) {
    const gpus = gpuModels.filter((gpu) => gpu.family === family);
    const lines: Record<string, string>[] = [];
    const seen = new Set<string>();
    for (const row of rows.filter((each) => each.family === family)) {
      // Kernels without weights are the same for all types.
      const key = JSON.stringify([row.name, row.run.source, row.run.constants]);
      if (seen.has(key)) continue;
      seen.add(key);
      const line: Record<string, string> = { type: row.type, kernel: row.name };
      lines.push(line);
      if ("error" in row.result) {
        line.wave = row.result.error.slice(0, 60);
        continue;
      }
      const { report, estimate, invocations, turns } = row.result;
      const wide = report.loads[16] ?? 0;
      const loads = Object.values(report.loads).reduce((a, b) => a + b, 0);
      Object.assign(line, {
        wave: String(report.wave),
        VGPR: String(report.vgprs),
        spill: String(report.spills),
        "waves/SIMD": String(report.wavesPerSimd),
        "loads 16B/all": `${wide}/${loads}`,
        stores: String(report.stores),
        "inv.thr.": `${turns === "counted" ? "" : turns === "marked" ? "~" : "?"}${estimate.inverseThroughput.toFixed(0)}`,
        busy: `${estimate.busy.toFixed(0)} ${estimate.busiest}`,
        "busy/1k w": row.weights
          ? ((invocations / 64) * (estimate.busy / (row.weights / 1000))).toFixed(2)
          : "",
        "µs alone": ((estimate.latency / gpus[0]!.clockHz) * 1e6).toFixed(1),
      });
      for (const gpu of gpus) {
        const compute = computeSeconds(gpu, estimate.inverseThroughput, invocations);
        line[gpu.name] = row.bytes ? (compute / (row.bytes / gpu.bytesPerSecond)).toFixed(2) : "";
      }
    }
    console.log(`\n${family}, ${shape}: last columns are compute time / time of the bytes at full bandwidth`);
    printTable(lines);
    for (const { name, result } of rows.filter((each) => each.family === family))
      if ("reason" in result && result.reason) console.log(`${name}: turns are guessed: ${result.reason}`);
    printSums(
      rows.filter((each) => each.family === family),
      family,
    );
  }
}

/** All that a step reads, weighted by how often: one line a type. */
function printSums(rows: Row[], family: string): void {
  const lines: Record<string, string>[] = [];
  for (const type of new Set(rows.map((row) => row.type))) {
    const gemv = rows.filter(
      (row) =>
        row.type === type && row.weights > 0 && !row.name.startsWith("prefill ") && "report" in row.result,
    );
    if (gemv.length === 0) continue;
    let cycles = 0;
    let weights = 0;
    let bytes = 0;
    for (const { result, count, ...row } of gemv) {
      const { estimate, invocations } = result as Analysis;
      cycles += (invocations / 64) * estimate.inverseThroughput * count;
      weights += row.weights * count;
      bytes += row.bytes * count;
    }
    const line: Record<string, string> = { type, bytes: bytesOf(bytes) };
    line["cycles/1k weights"] = (cycles / (weights / 1000)).toFixed(1);
    for (const gpu of gpuModels.filter((each) => each.family === family)) {
      const compute = cycles / (gpu.simds * gpu.clockHz);
      const transfer = bytes / gpu.bytesPerSecond;
      line[gpu.name] =
        `${(compute * 1e3).toFixed(2)} / ${(transfer * 1e3).toFixed(2)} ms = ${(compute / transfer).toFixed(2)}`;
    }
    lines.push(line);
  }
  if (lines.length === 0) return;
  console.log(`\n${family}: all matrices of a decode step, compute time / bytes at full bandwidth`);
  printTable(lines);
}
