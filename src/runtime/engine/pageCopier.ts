/** Copies pages of the KV cache on the GPU, in all layers. */

import type { BufferArena } from "../gpu/buffers.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { StepPlan } from "./stepPlan.ts";

export class PageCopier {
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
      planes.forEach(({ buffer }, i) => {
        encoder.copyBufferToBuffer(buffer, from * pageBytes, staging.buffer, i * pageBytes, pageBytes);
      });
      planes.forEach(({ buffer }, i) => {
        encoder.copyBufferToBuffer(staging.buffer, i * pageBytes, buffer, to * pageBytes, pageBytes);
      });
    }
  }
}
