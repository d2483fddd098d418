/** Copies results from the GPU through mapped buffers that are reused. */

import type { Gpu } from "../gpu/device.ts";
import type { BufferSlice } from "../gpu/tensor.ts";

export class Readback {
  /** Time that this thread has spent on copies that had arrived. */
  cpuMs = 0;
  private readonly all = new Set<GPUBuffer>();
  private readonly free: GPUBuffer[] = [];

  constructor(private readonly gpu: Gpu) {}

  /**
   * Records a copy of the first `sizeBytes` of a tensor behind the step's dispatches and returns what waits for it.
   * Several may be on their way.
   */
  copy(encoder: GPUCommandEncoder, source: BufferSlice, sizeBytes: number): () => Promise<ArrayBuffer> {
    const staging = this.take(sizeBytes);
    encoder.copyBufferToBuffer(source.buffer, source.offsetBytes, staging, 0, sizeBytes);
    return async () => {
      await staging.mapAsync(GPUMapMode.READ, 0, sizeBytes);
      const startMs = performance.now();
      const copy = staging.getMappedRange(0, sizeBytes).slice(0);
      staging.unmap();
      this.free.push(staging);
      this.cpuMs += performance.now() - startMs;
      return copy;
    };
  }

  get sizeBytes(): number {
    return [...this.all].reduce((sum, { size }) => sum + size, 0);
  }

  destroy(): void {
    for (const buffer of this.all) buffer.destroy();
    this.all.clear();
    this.free.length = 0;
  }

  /** The smallest free buffer that is large enough, else a new one. */
  private take(sizeBytes: number): GPUBuffer {
    const fitting = this.free.filter(({ size }) => size >= sizeBytes).sort((a, b) => a.size - b.size)[0];
    if (fitting) {
      this.free.splice(this.free.indexOf(fitting), 1);
      return fitting;
    }
    const buffer = this.gpu.device.createBuffer({
      label: "readback",
      size: sizeBytes,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    this.all.add(buffer);
    return buffer;
  }
}
