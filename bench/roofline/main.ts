/** `npm run bench -- roofline`: what a decode step reads and writes, and what that allows on real GPUs. */

import { parseArgs } from "node:util";
import { bytesOf, countOf, fail, listOf, printTable } from "../cli.ts";
import { gpuModels } from "../isa/estimate.ts";
import { installFakeWebGpu } from "../recording/fakeWebGpu.ts";
import { modelSteps } from "../recording/modelSteps.ts";
import {
  dispatchCounts,
  readBytes,
  sumTraffic,
  type Traffic,
  trafficOf,
  writtenBytes,
} from "../recording/traffic.ts";
import { kernelVariants } from "../recording/variants.ts";
import { fits, modelShapes, type ShapeName, shapeHeader, weightTypes } from "../shapes.ts";
import { stepMs } from "./model.ts";

const gpus = gpuModels.filter(({ name }) => name !== "RX Vega 64");

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      shapes: { type: "string", default: "qwen3-0.6b,llama-3.2-1b" },
      types: { type: "string", default: "q8_0,q4_k,q4_0" },
      cached: { type: "string", default: "1024" },
      "overhead-us": { type: "string", default: "5" },
      json: { type: "boolean", default: false },
    },
  });
  const cached = countOf("--cached", values.cached, 0);
  const overheadUs = Number(values["overhead-us"]);
  if (!(overheadUs >= 0 && overheadUs < 1e6))
    fail(`--overhead-us ${values["overhead-us"]} is not a duration`);
  installFakeWebGpu();
  const steps: Step[] = [];
  for (const shape of listOf("--shapes", values.shapes, Object.keys(modelShapes) as ShapeName[]))
    for (const type of listOf("--types", values.types, weightTypes)) {
      if (fits(modelShapes[shape], type)) steps.push(await record(shape, type, cached));
      else fail(`rows of ${shape} do not divide into blocks of ${type}`);
    }
  if (values.json) {
    console.log(JSON.stringify(steps.map((step) => ({ ...step, predicted: predicted(step, overheadUs) }))));
    return;
  }
  for (const step of steps) print(step, cached, overheadUs);
}

interface Step {
  shape: ShapeName;
  type: string;
  dispatches: number;
  perLayer: number;
  outside: number;
  total: Traffic;
  kernels: { name: string; count: number; each: Traffic }[];
}

/** A decode step with so many positions cached before its token, in a cache of f16. */
async function record(shape: ShapeName, type: (typeof weightTypes)[number], cached: number): Promise<Step> {
  const header = shapeHeader(modelShapes[shape], type);
  const capacity = Math.ceil((cached + 1) / 32) * 32;
  const steps = await modelSteps(header, { contextLength: capacity, cacheType: "f16", chunkTokens: 1 });
  const dispatches = await steps.decode(cached);
  steps.destroy();
  const { matrices, rowCapacity } = steps;
  const facts = { matrices, rowCapacity, capacity, tokens: 1, positions: cached + 1 };
  return {
    ...{ shape, type, dispatches: dispatches.length },
    ...dispatchCounts(dispatches.map(({ label }) => label)),
    total: sumTraffic(dispatches.map((dispatch) => trafficOf(dispatch, facts))),
    kernels: kernelVariants(dispatches, facts).map(({ name, dispatches: all, traffic }) => ({
      ...{ name, count: all.length, each: traffic },
    })),
  };
}

function predicted({ total, dispatches }: Step, overheadUs: number): Record<string, number> {
  const bytes = readBytes(total) + writtenBytes(total);
  return Object.fromEntries(gpus.map((gpu) => [gpu.name, stepMs(gpu, bytes, dispatches, overheadUs / 1e6)]));
}

function print(step: Step, cached: number, overheadUs: number): void {
  const { shape, type, kernels, total, dispatches, perLayer, outside } = step;
  const layers = modelShapes[shape].layers;
  console.log(
    `\n${shape}, ${type}, ${cached} positions cached: ${dispatches} dispatches a token, ${perLayer} in each of ${layers} layers and ${outside} outside`,
  );
  const row = (kernel: string, count: number, times: number, each: Traffic) => ({
    ...{ kernel, "a token": String(count) },
    weights: bytesOf(each.weightBytes * times),
    "cache read": bytesOf(each.cacheReadBytes * times),
    "other read": bytesOf(each.otherReadBytes * times),
    written: bytesOf(writtenBytes(each) * times),
  });
  printTable([
    ...kernels.map(({ name, count, each }) => row(name, count, count, each)),
    row("together", dispatches, 1, total),
  ]);
  const bytes = readBytes(total) + writtenBytes(total);
  console.log("");
  printTable(
    gpus.map((gpu) => {
      const bare = stepMs(gpu, bytes, dispatches, 0);
      const real = stepMs(gpu, bytes, dispatches, overheadUs / 1e6);
      return {
        GPU: `${gpu.name}, ${(gpu.bytesPerSecond / 1e9).toFixed(0)} GB/s`,
        "bytes alone": `${bare.toFixed(2)} ms, ${(1e3 / bare).toFixed(0)} tokens/s`,
        [`with ${overheadUs} µs a dispatch`]: `${real.toFixed(2)} ms, ${(1e3 / real).toFixed(0)} tokens/s`,
      };
    }),
  );
}
