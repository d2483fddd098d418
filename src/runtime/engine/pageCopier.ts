/** Copies pages of the KV cache in all layers: on the GPU, from it and to it. */

import type { BufferArena } from "../gpu/buffers.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { StepPlan } from "./stepPlan.ts";

export class PageCopier {
  /** Of one plane. */
  private readonly pageBytes: number;
  private readonly staging: Tensor;

  /** @param planes keys and values of each layer, `pages` pages each, all of one size */
  constructor(
    private readonly planes: readonly Tensor[],
    pages: number,
    arena: BufferArena,
  ) {
    const elements = planes[0]!.shape.reduce((a, b) => a * b, 1) / pages;
    this.pageBytes = elements * (planes[0]!.dtype === "f16" ? 2 : 4);
    // WebGPU does not copy within a buffer.
    this.staging = arena.tensor("copied page", "u32", [(planes.length * this.pageBytes) / 4]);
  }

  encode(encoder: GPUCommandEncoder, copies: StepPlan["copies"]): void {
    const { pageBytes, planes, staging } = this;
    for (const { from, to } of copies) {
      this.stage(encoder, from);
      planes.forEach(({ buffer }, i) => {
        encoder.copyBufferToBuffer(staging.buffer, i * pageBytes, buffer, to * pageBytes, pageBytes);
      });
    }
  }

  /** Bytes of a page in all planes. */
  get sizeBytes(): number {
    return this.planes.length * this.pageBytes;
  }

  /** Records a copy of a page, plane after plane, and returns where it then is: until the next copy. */
  stage(encoder: GPUCommandEncoder, page: number): Tensor {
    const { pageBytes, planes, staging } = this;
    planes.forEach(({ buffer }, i) => {
      encoder.copyBufferToBuffer(buffer, page * pageBytes, staging.buffer, i * pageBytes, pageBytes);
    });
    return staging;
  }

  /** Queues a page's content, as {@link stage} gives it. */
  write(queue: GPUQueue, page: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.planes.forEach(({ buffer }, i) => {
      queue.writeBuffer(buffer, page * this.pageBytes, bytes, i * this.pageBytes, this.pageBytes);
    });
  }
}
