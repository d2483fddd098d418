/** The page in which our encoders are measured: the recordings that the runtime replays, and nothing around them. */

import { Readback } from "../../src/runtime/engine/readback.ts";
import { openGpu } from "../../src/runtime/gpu/device.ts";
import type { WeightType } from "../../src/runtime/gpu/tensor.ts";
import { Timer } from "../kernels/timing.ts";
import { type TappedDispatch, tapGpu } from "../recording/deviceTap.ts";
import { openEncoder } from "./ownEncoders.ts";
import type { EncoderName } from "./shapes.ts";

export interface EncoderRequest {
  encoder: EncoderName;
  type: WeightType;
  runs: number;
  /** Places of the result that are compared. */
  sampled: number[];
  /** Also each kernel by itself. */
  profile: boolean;
}

export interface EncoderResult {
  f16: boolean;
  loadMs: number;
  /** From the input on the CPU to the result on the CPU. */
  timesMs: number[];
  values: number[];
  kernels: { label: string; count: number; ms: number }[];
}

async function measure({ encoder: name, type, runs, sampled, profile }: EncoderRequest) {
  const startedMs = performance.now();
  const opened = await openGpu();
  const errors: string[] = [];
  opened.device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
  let dispatches: TappedDispatch[] = [];
  const gpu = tapGpu(opened, (dispatch) => dispatches.push(dispatch));
  const { device } = gpu;
  const { recording, step, input, out } = await openEncoder(gpu, name, type);
  const loadMs = performance.now() - startedMs;
  const readback = new Readback(gpu);
  const timesMs: number[] = [];
  let values = new Float32Array();
  for (let run = 0; run <= runs; run++) {
    dispatches = [];
    const sentMs = performance.now();
    device.queue.writeBuffer(input.tensor.buffer, 0, input.values);
    const commands = device.createCommandEncoder();
    const pass = commands.beginComputePass();
    recording.encode(pass, step);
    pass.end();
    const read = readback.copy(
      commands,
      out,
      out.shape.reduce((a, b) => a * b, 4),
    );
    device.queue.submit([commands.finish()]);
    values = new Float32Array(await read());
    if (run > 0) timesMs.push(performance.now() - sentMs);
  }
  const result: EncoderResult = {
    ...{ f16: gpu.f16, loadMs, timesMs },
    values: sampled.map((at) => values[at]!),
    kernels: profile ? await kernelTimes(new Timer(opened), dispatches) : [],
  };
  opened.device.destroy();
  if (errors.length > 0) throw new Error(`WebGPU: ${errors[0]}`);
  return result;
}

/** Alike kernels once, by the label of the first. */
async function kernelTimes(
  timer: Timer,
  dispatches: readonly TappedDispatch[],
): Promise<EncoderResult["kernels"]> {
  const alike = new Map<string, TappedDispatch[]>();
  for (const dispatch of dispatches) {
    const key = JSON.stringify([dispatch.source, dispatch.constants, dispatch.workgroups]);
    alike.set(key, [...(alike.get(key) ?? []), dispatch]);
  }
  const kernels: EncoderResult["kernels"] = [];
  for (const same of alike.values()) {
    const ms = await timer.measure((pass, times) => {
      for (let i = 0; i < times; i++) {
        const { pipeline, bindGroup, workgroups } = same[i % same.length]!;
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(...workgroups);
      }
    });
    kernels.push({ label: same[0]!.label, count: same.length, ms });
  }
  timer.destroy();
  return kernels;
}

declare global {
  var measureEncoder: (request: EncoderRequest) => Promise<EncoderResult>;
}
globalThis.measureEncoder = measure;
