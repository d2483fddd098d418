/** `npm run bench -- isa [filter]`: what AMD's compiler makes of every kernel. */

import { parseArgs } from "node:util";
import { bytesOf, countOf, fail, listOf, printTable } from "../cli.ts";
import { encoderNames, encoderTypes } from "../encoder/shapes.ts";
import { installFakeWebGpu } from "../recording/fakeWebGpu.ts";
import { fits, modelShapes, type ShapeName, weightTypes } from "../shapes.ts";
import { type Analysis, analyse } from "./analyse.ts";
import { type Case, encoderCases, modelCases, peerCases } from "./cases.ts";
import { computeSeconds, gpuModels } from "./estimate.ts";
import { setUpIsa } from "./setup.ts";
import { isEncoder, stepSums } from "./sums.ts";

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      shape: { type: "string", default: "qwen3-0.6b" },
      encoders: { type: "string" },
      types: { type: "string", default: "all" },
      families: { type: "string", default: "navi21,navi31,vega10" },
      cached: { type: "string", default: "4096" },
      prefill: { type: "string", default: "0" },
      peer: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const shapeName = listOf("--shape", values.shape, Object.keys(modelShapes) as ShapeName[])[0]!;
  const encoders = values.encoders === undefined ? [] : listOf("--encoders", values.encoders, encoderNames);
  const types = listOf("--types", values.types, encoders.length > 0 ? encoderTypes : weightTypes);
  const families = listOf("--families", values.families, [...new Set(gpuModels.map(({ family }) => family))]);
  const cached = countOf("--cached", values.cached, 0);
  const prefill = countOf("--prefill", values.prefill, 0);

  const tools = setUpIsa();
  const rows: Row[] = [];
  for (const family of families) {
    const cases: Case[] = [];
    // Kernels are chosen by the architecture.
    installFakeWebGpu(gpuModels.find((gpu) => gpu.family === family)!.architecture);
    if (values.peer) cases.push(...peerCases(values.peer));
    else if (encoders.length > 0)
      for (const encoder of encoders)
        for (const type of types) cases.push(...(await encoderCases(encoder, type)));
    else
      for (const type of types.filter((each) => fits(modelShapes[shapeName], each)))
        cases.push(...(await modelCases(shapeName, type, cached, prefill)));
    const wanted = cases.filter(({ type, name }) =>
      positionals.every((word) => `${type} ${name}`.includes(word)),
    );
    if (wanted.length === 0) fail(`no kernel matches ${positionals.join(" ")}`);
    const kernels = wanted.map(({ run }) => run);
    const results = await analyse(tools, kernels, family);
    rows.push(...wanted.map((each, i) => ({ family, ...each, result: results[i]! })));
  }
  if (values.json) console.log(JSON.stringify(rows.map(({ run: _, ...row }) => row)));
  else print(values.peer ?? (encoders.join(", ") || shapeName), rows);
}

type Row = Case & { family: string; result: Analysis | { error: string } };

function print(subject: string, rows: Row[]): void {
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
    console.log(
      `\n${family}, ${subject}: last columns are compute time / time of the bytes at full bandwidth`,
    );
    printTable(lines);
    for (const { name, result } of rows.filter((each) => each.family === family))
      if ("reason" in result && result.reason) console.log(`${name}: turns are guessed: ${result.reason}`);
    printSums(
      rows.filter((each) => each.family === family),
      family,
    );
  }
}

function printSums(rows: Row[], family: string): void {
  const costed = rows.flatMap(({ result, ...row }) => {
    if ("error" in result) return [];
    return [{ ...row, cycles: (result.invocations / 64) * result.estimate.inverseThroughput }];
  });
  const encodes = rows.some(({ step }) => isEncoder(step));
  const lines = stepSums(costed).map(({ name, dispatches, cycles, matrixCycles, weights, bytes }) => {
    const line: Record<string, string> = {
      type: name,
      dispatches: String(dispatches),
      bytes: bytesOf(bytes),
    };
    if (encodes) line["in matrices"] = `${((100 * matrixCycles) / cycles).toFixed(0)} %`;
    else line["cycles/1k weights"] = (cycles / (weights / 1000)).toFixed(1);
    for (const gpu of gpuModels.filter((each) => each.family === family)) {
      const compute = cycles / (gpu.simds * gpu.clockHz);
      const transfer = bytes / gpu.bytesPerSecond;
      line[gpu.name] =
        `${(compute * 1e3).toFixed(2)} / ${(transfer * 1e3).toFixed(2)} ms = ${(compute / transfer).toFixed(2)}`;
    }
    return line;
  });
  if (lines.length === 0) return;
  const what = encodes ? "all kernels of an encoding" : "all matrices of a decode step";
  console.log(`\n${family}: ${what}, compute time / bytes at full bandwidth`);
  printTable(lines);
}
