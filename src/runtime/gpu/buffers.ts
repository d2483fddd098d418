/** GPU buffers by owner: who holds how many bytes, and freeing them all at once. */

import { OmniError } from "../errors.ts";
import type { Gpu } from "./device.ts";
import { roundUp, type Tensor } from "./tensor.ts";

const elementBytes = { f32: 4, u32: 4, f16: 2 } as const;

/** The buffers of one owner (the KV cache, the activations). */
export class BufferArena {
  private readonly buffers: GPUBuffer[] = [];
  private bytes = 0;

  constructor(
    private readonly gpu: Gpu,
    readonly owner: string,
  ) {}

  get sizeBytes(): number {
    return this.bytes;
  }

  /**
   * A tensor in a buffer of its own, filled with zeros; its size is rounded up to 16 bytes.
   * @throws OmniError `unsupported_adapter` where it exceeds what one binding can hold
   */
  tensor(name: string, dtype: Tensor["dtype"], shape: readonly number[], usage = 0): Tensor {
    const count = shape.reduce((a, b) => a * b, 1);
    const sizeBytes = roundUp(Math.max(count, 1) * elementBytes[dtype], 16);
    if (sizeBytes > this.gpu.maxBindingBytes || sizeBytes > this.gpu.maxBufferBytes)
      throw new OmniError(
        "unsupported_adapter",
        `${this.owner}: ${name} needs ${sizeBytes} bytes in one binding; the adapter allows ${this.gpu.maxBindingBytes}.`,
        { param: "maxStorageBufferBindingSize" },
      );
    const buffer = this.gpu.device.createBuffer({
      label: `${this.owner} ${name}`,
      size: sizeBytes,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC | usage,
    });
    this.buffers.push(buffer);
    this.bytes += sizeBytes;
    return { buffer, offsetBytes: 0, sizeBytes, dtype, shape };
  }

  destroy(): void {
    for (const buffer of this.buffers) buffer.destroy();
    this.buffers.length = 0;
    this.bytes = 0;
  }
}
