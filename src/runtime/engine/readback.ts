/** Copies results from the GPU through one mapped buffer that is reused. */

import type { Gpu } from "../gpu/device.ts";
import type { BufferSlice } from "../gpu/tensor.ts";

export class Readback {
  private staging: GPUBuffer | undefined;

  constructor(private readonly gpu: Gpu) {}

  /**
   * Records a copy of the first `sizeBytes` of a tensor behind the step's dispatches and returns what waits for it.
   * One read at a time.
   */
  copy(encoder: GPUCommandEncoder, source: BufferSlice, sizeBytes: number): () => Promise<ArrayBuffer> {
    if (!this.staging || this.staging.size < sizeBytes) {
      this.staging?.destroy();
      this.staging = this.gpu.device.createBuffer({
        label: "readback",
        size: sizeBytes,
        usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
      });
    }
    const staging = this.staging;
    encoder.copyBufferToBuffer(source.buffer, source.offsetBytes, staging, 0, sizeBytes);
    return async () => {
      await staging.mapAsync(GPUMapMode.READ, 0, sizeBytes);
      const copy = staging.getMappedRange(0, sizeBytes).slice(0);
      staging.unmap();
      return copy;
    };
  }

  get sizeBytes(): number {
    return this.staging?.size ?? 0;
  }

  destroy(): void {
    this.staging?.destroy();
    this.staging = undefined;
  }
}
