/** The page in which kernels are measured: the runtime's own recordings, dispatch by dispatch. */

import type { Gpu } from "../../src/runtime/gpu/device.ts";
import type { LoadedWeights } from "../../src/runtime/weights/types.ts";
import { modelSteps } from "../recording/modelSteps.ts";
import { dispatchCounts, readBytes, writtenBytes } from "../recording/traffic.ts";
import { kernelVariants } from "../recording/variants.ts";
import { type PlainHeader, unpackHeader } from "../shapes.ts";
import { copyKernel, Timer } from "./timing.ts";

export interface KernelRequest {
  header: PlainHeader;
  /** Positions in the cache before the token that is decoded. */
  cached: number;
  /** Also the kernels of a step of so many tokens, where above 0. */
  prefill: number;
  /** Only kernels whose name contains one of these words; all where empty. */
  words: string[];
  /** Names that need not be measured again. */
  known: string[];
  /** Only kernels that multiply with a matrix. */
  weightsOnly: boolean;
}

export interface KernelResult {
  adapter: string;
  kernels: KernelFigures[];
  /** Of a decode step. */
  dispatches: { perLayer: number; outside: number };
}

export interface KernelFigures {
  name: string;
  /** What it is: changes when source, constants or size do. */
  key: string;
  ms: number;
  weights: number;
  bytes: number;
  /** Time of a plain copy that moves as many bytes. */
  copyMs: number;
  /** How often a step of the whole model would dispatch it. */
  count: number;
}

async function measure(request: KernelRequest): Promise<KernelResult> {
  const { cached, prefill, words } = request;
  const header = unpackHeader(request.header);
  const capacity = Math.ceil((Math.max(cached, prefill) + 1) / 32) * 32;
  const errors: string[] = [];
  const steps = await modelSteps(
    header,
    { contextLength: capacity, cacheType: "f16", chunkTokens: Math.max(1, prefill) },
    (gpu, weights) => {
      gpu.device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
      fillWeights(gpu, weights);
    },
  );
  const { matrices, rowCapacity } = steps;
  const timer = new Timer(steps.gpu);
  const known = new Set(request.known);
  const kernels: KernelFigures[] = [];
  let labels: string[] = [];
  const measureStep = async (prefix: string, tokens: number, positions: number) => {
    const dispatches = await (prefix ? steps.prefill(tokens) : steps.decode(positions - 1));
    if (!prefix) labels = dispatches.map(({ label }) => label);
    for (const variant of kernelVariants(dispatches, {
      matrices,
      rowCapacity,
      tokens,
      positions,
      capacity,
    })) {
      const name = prefix + variant.name;
      const { source, constants, workgroups, pipeline } = variant.dispatches[0]!;
      const key = JSON.stringify([name, source, constants, workgroups]);
      if (request.weightsOnly && variant.traffic.weights === 0) continue;
      if (known.has(key) || (words.length > 0 && !words.some((word) => name.includes(word)))) continue;
      known.add(key);
      const ms = await timer.measure((pass, times) => {
        pass.setPipeline(pipeline);
        // Each on another layer's weights, so that no cache holds them.
        for (let i = 0; i < times; i++) {
          pass.setBindGroup(0, variant.dispatches[i % variant.dispatches.length]!.bindGroup);
          pass.dispatchWorkgroups(...workgroups);
        }
      });
      const { traffic } = variant;
      const bytes = readBytes(traffic) + writtenBytes(traffic);
      const copy = await copyKernel(steps.gpu, bytes);
      const copyMs = await timer.measure(copy.encode);
      copy.destroy();
      kernels.push({
        name,
        key,
        ms,
        weights: traffic.weights,
        bytes,
        copyMs,
        count: variant.dispatches.length,
      });
    }
  };
  await measureStep("", 1, cached + 1);
  if (prefill > 0) await measureStep("prefill ", prefill, prefill);
  timer.destroy();
  steps.destroy();
  if (errors.length > 0) throw new Error(`WebGPU: ${errors[0]}`);
  return { adapter: steps.gpu.name, kernels, dispatches: dispatchCounts(labels) };
}

/** Neither zeros, which draw less power, nor bytes that make NaNs or denormals as f16 or f32. */
function fillWeights({ device }: Gpu, { matrices, joined, vectors }: LoadedWeights): void {
  const block = new Uint8Array(2 ** 20);
  let state = 1;
  for (let i = 0; i < block.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    block[i] = 1 + ((state >>> 24) % 0x3a);
  }
  const buffers = new Set<GPUBuffer>();
  for (const { slices } of [...matrices.values(), ...[...joined.values()].flat()])
    for (const { planes } of slices) for (const { buffer } of planes) buffers.add(buffer);
  for (const { buffer } of vectors.values()) buffers.add(buffer);
  for (const buffer of buffers)
    for (let at = 0; at < buffer.size; at += block.length)
      device.queue.writeBuffer(buffer, at, block, 0, Math.min(block.length, buffer.size - at));
}

declare global {
  var measureKernels: (request: KernelRequest) => Promise<KernelResult>;
}
globalThis.measureKernels = measure;
