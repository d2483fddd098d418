/** A recorded encoder: what its steps are told, and where the rows of a step go. */

import { BufferArena } from "../../gpu/buffers.ts";
import type { Gpu } from "../../gpu/device.ts";
import { Recording, type StepSize } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";

export class EncoderRun {
  readonly arena: BufferArena;
  private readonly step: Tensor;
  private readonly recording: Recording;
  /** (R, M): of the last step. */
  private readonly out: Tensor;

  constructor(
    private readonly gpu: Gpu,
    owner: string,
    private readonly size: StepSize,
    record: (rec: Recording, arena: BufferArena) => Tensor,
  ) {
    this.arena = new BufferArena(gpu, owner);
    this.step = this.arena.tensor("step", "u32", [4], GPUBufferUsage.UNIFORM);
    gpu.device.queue.writeBuffer(this.step.buffer, 0, Uint32Array.of(size.tokens, size.outputs));
    this.recording = new Recording(gpu, this.step, size);
    this.out = record(this.recording, this.arena);
  }

  compile(): Promise<void> {
    return this.recording.compile();
  }

  write(tensor: Tensor, values: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>): void {
    this.gpu.device.queue.writeBuffer(tensor.buffer, tensor.offsetBytes, values);
  }

  /** Submits a step and the copy of its rows to the `index`-th R rows of `rows`. */
  submit(rows: Tensor, index: number): void {
    const { device } = this.gpu;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.recording.encode(pass, this.size);
    pass.end();
    const { buffer, offsetBytes, shape } = this.out;
    const sizeBytes = shape[0]! * shape[1]! * 4;
    encoder.copyBufferToBuffer(
      buffer,
      offsetBytes,
      rows.buffer,
      rows.offsetBytes + index * sizeBytes,
      sizeBytes,
    );
    device.queue.submit([encoder.finish()]);
  }

  destroy(): void {
    this.arena.destroy();
  }
}
