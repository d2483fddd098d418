/** Runs variants of a kernel over the tensors of a loaded model. */

import type { Gpu } from "../gpu/device.ts";
import { PipelineCache } from "../gpu/pipelines.ts";
import { Recording, type TunedCall } from "../gpu/recording.ts";
import type { BufferSlice } from "../gpu/tensor.ts";
import type { Variant } from "../gpu/tuning.ts";
import { Readback } from "./readback.ts";
import type { Trial, TuningTask } from "./tuner.ts";

/**
 * Measured in turn, so that weights come from memory as they do in a step, and not from a cache that holds one layer's.
 */
const maxPlaces = 32;

/**
 * One task for each key that is not known yet. Trials write what the kernels write, at any time between two steps: that
 * is scratch, which each step writes before it reads it.
 * @param restoreInputs queues what steps rely on in the place of a trial's {@link TunedCall.inputs}
 */
export function tuningTasks(gpu: Gpu, calls: Iterable<TunedCall>, restoreInputs: () => void): TuningTask[] {
  const places = new Map<string, TunedCall[]>();
  for (const call of calls) {
    if (gpu.tuning.get(call.key, call.candidates)) continue;
    const same = places.get(call.key) ?? [];
    if (same.length < maxPlaces) places.set(call.key, [...same, call]);
  }
  return [...places.values()]
    .filter(([first]) => first!.candidates.length > 1)
    .map((same) => taskOf(gpu, same, restoreInputs));
}

function taskOf(gpu: Gpu, places: readonly TunedCall[], restoreInputs: () => void): TuningTask {
  const { key, chosen, candidates } = places[0]!;
  // Pipelines of their own, so that those of slow variants are forgotten.
  const aside: Gpu = { ...gpu, pipelines: new PipelineCache(gpu.device) };
  const readback = new Readback(gpu);
  let step: BufferSlice | undefined;
  return {
    ...{ key, chosen, candidates },
    prepare(variant) {
      step ??= stepBuffer(gpu, places[0]!);
      return GpuTrial.prepare(aside, { places, step, readback, restoreInputs }, variant);
    },
    end() {
      readback.destroy();
      step?.buffer.destroy();
    },
  };
}

/** `struct Step` (kernels/prelude.ts) for the largest step of a recording. */
function stepBuffer({ device }: Gpu, { step }: TunedCall): BufferSlice {
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ label: "tuning step", size: 16, usage });
  device.queue.writeBuffer(buffer, 0, Uint32Array.of(step.tokens, step.outputs));
  return { buffer, offsetBytes: 0, sizeBytes: 16 };
}

interface TrialParts {
  places: readonly TunedCall[];
  step: BufferSlice;
  readback: Readback;
  restoreInputs: () => void;
}

class GpuTrial implements Trial {
  private constructor(
    private readonly gpu: Gpu,
    private readonly parts: TrialParts,
    private readonly recordings: readonly Recording[],
  ) {}

  static async prepare(gpu: Gpu, parts: TrialParts, variant: Variant): Promise<GpuTrial> {
    const { places, step } = parts;
    // A shader that is refused must not look like a fault of the engine.
    gpu.device.pushErrorScope("validation");
    let recordings: Recording[];
    let refused: Promise<GPUError | null>;
    try {
      recordings = places.map((place) => {
        const rec = new Recording(gpu, step, place.step);
        place.record(rec, variant);
        return rec;
      });
    } finally {
      refused = gpu.device.popErrorScope();
    }
    await Promise.all(recordings.map((rec) => rec.compile()));
    const error = await refused;
    if (error) throw new Error(error.message);
    return new GpuTrial(gpu, parts, recordings);
  }

  async time(calls: number): Promise<number> {
    const { queue } = this.gpu.device;
    const encoder = this.gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < calls; i++) this.encode(pass, i % this.recordings.length);
    pass.end();
    const commands = encoder.finish();
    const start = performance.now();
    this.submit(commands);
    await queue.onSubmittedWorkDone();
    return performance.now() - start;
  }

  async results(): Promise<Float32Array[]> {
    const { outputs } = this.parts.places[0]!;
    const encoder = this.gpu.device.createCommandEncoder();
    for (const { slice } of outputs) encoder.clearBuffer(slice.buffer, slice.offsetBytes, slice.sizeBytes);
    const pass = encoder.beginComputePass();
    this.encode(pass, 0);
    pass.end();
    const waits = outputs.map(({ slice }) => this.parts.readback.copy(encoder, slice, slice.sizeBytes));
    this.submit(encoder.finish());
    const bytes = await Promise.all(waits.map((wait) => wait()));
    return outputs.flatMap(({ values }, i) => values(bytes[i]!));
  }

  /** With the inputs of the kernel, which no step of a request sees. */
  private submit(commands: GPUCommandBuffer): void {
    const { places, restoreInputs } = this.parts;
    const { queue } = this.gpu.device;
    const { inputs = [] } = places[0]!;
    for (const { slice, words } of inputs) queue.writeBuffer(slice.buffer, slice.offsetBytes, words);
    queue.submit([commands]);
    if (inputs.length > 0) restoreInputs();
  }

  private encode(pass: GPUComputePassEncoder, place: number): void {
    this.recordings[place]!.encode(pass, this.parts.places[place]!.step);
  }
}
