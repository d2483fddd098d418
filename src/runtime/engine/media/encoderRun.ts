/** A recorded encoder: what its steps are told, and where the rows of a step go. */

import { BufferArena } from "../../gpu/buffers.ts";
import type { Gpu } from "../../gpu/device.ts";
import { Recording, type StepSize } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";

export class EncoderRun {
  readonly arena: BufferArena;
  private readonly step: Tensor;
  private readonly recording: Recording;
  /** (R, M) each: of the last step. */
  private readonly outs: readonly Tensor[];

  constructor(
    private readonly gpu: Gpu,
    owner: string,
    private readonly size: StepSize,
    record: (rec: Recording, arena: BufferArena) => readonly Tensor[],
  ) {
    this.arena = new BufferArena(gpu, owner);
    this.step = this.arena.tensor("step", "u32", [4], GPUBufferUsage.UNIFORM);
    this.recording = new Recording(gpu, this.step, size);
    this.outs = record(this.recording, this.arena);
  }

  compile(): Promise<void> {
    return this.recording.compile();
  }

  write(tensor: Tensor, values: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>): void {
    this.gpu.device.queue.writeBuffer(tensor.buffer, tensor.offsetBytes, values);
  }

  /**
   * Submits a step and the copies of its rows to the `index`-th R rows of `targets`, of which there are as many as the recording
   * returned.
   * @param size of this step; no larger than the largest, which is the default
   */
  submit(targets: readonly Tensor[], index: number, size = this.size): void {
    const { device } = this.gpu;
    this.write(this.step, Uint32Array.of(size.tokens, size.outputs));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.recording.encode(pass, size);
    pass.end();
    this.outs.forEach(({ buffer, offsetBytes, shape }, i) => {
      const target = targets[i]!;
      const sizeBytes = size.outputs * shape[1]! * 4;
      const start = target.offsetBytes + index * sizeBytes;
      encoder.copyBufferToBuffer(buffer, offsetBytes, target.buffer, start, sizeBytes);
    });
    device.queue.submit([encoder.finish()]);
  }

  destroy(): void {
    this.arena.destroy();
  }
}
