/** Encodes sounds on the GPU, a window at a time. */

import type { Gpu } from "../../gpu/device.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { AudioEncoderModel } from "../../models/projector/types.ts";
import { EncoderRun } from "./encoderRun.ts";

export class AudioRunner {
  private readonly run: EncoderRun;
  private samples!: Tensor;

  constructor(
    gpu: Gpu,
    readonly model: AudioEncoderModel,
  ) {
    const { positions, rows, windowSamples } = model;
    this.run = new EncoderRun(gpu, "sounds", { tokens: positions, outputs: rows }, (rec, arena) => {
      this.samples = arena.tensor("samples", "f32", [windowSamples]);
      return [model.record(rec, arena, this.samples)];
    });
  }

  get sizeBytes(): number {
    return this.run.arena.sizeBytes;
  }

  compile(): Promise<void> {
    return this.run.compile();
  }

  /** Submits the encoding of a window. @param rows its rows become the `index`-th of these */
  encode(window: Float32Array<ArrayBuffer>, rows: Tensor, index: number): void {
    this.run.write(this.samples, window);
    this.run.submit([rows], index);
  }

  destroy(): void {
    this.run.destroy();
  }
}

/**
 * The windows of a sound: each ends where its step ends, and silence is before the beginning and after the end.
 * @param samples 16 kHz
 */
export function audioWindows(
  samples: Float32Array,
  { windowSamples, stepSamples }: Pick<AudioEncoderModel, "windowSamples" | "stepSamples">,
): Float32Array<ArrayBuffer>[] {
  const steps = Math.max(1, Math.ceil(samples.length / stepSamples));
  return Array.from({ length: steps }, (_, step) => {
    const window = new Float32Array(windowSamples);
    const end = (step + 1) * stepSamples;
    const start = end - windowSamples;
    window.set(samples.subarray(Math.max(0, start), end), Math.max(0, -start));
    return window;
  });
}
