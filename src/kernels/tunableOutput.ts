/** What kernels write, as it is compared between their variants. */

import type { TunableOutput } from "../runtime/gpu/recording.ts";
import type { BufferSlice, Tensor } from "../runtime/gpu/tensor.ts";
import { type Activations, blockWidth } from "./activations.ts";

/** The first `count` rows of a tensor. */
function firstRows(tensor: Tensor, count: number): BufferSlice {
  const rowWords = tensor.shape.slice(1).reduce((a, b) => a * b, 1);
  return { buffer: tensor.buffer, offsetBytes: tensor.offsetBytes, sizeBytes: count * rowWords * 4 };
}

/** Rows of f32. */
export function tunableRows(tensor: Tensor, count: number): TunableOutput {
  return { slice: firstRows(tensor, count), values: (bytes) => [new Float32Array(bytes)] };
}

/** Rows of activations: values, their sums if packed, and sums of squares. */
export function tunableActivations({ kind, width, tensor }: Activations, count: number): TunableOutput {
  const slice = firstRows(tensor, count);
  if (kind === "packed")
    return { slice, values: (bytes) => unpack(new DataView(bytes), count, width / blockWidth) };
  return {
    slice,
    values(bytes) {
      const floats = new Float32Array(bytes);
      const stride = floats.length / count;
      const rows = Array.from({ length: count }, (_, r) => floats.subarray(r * stride, (r + 1) * stride));
      return rows.flatMap((row) => [row.subarray(0, width), row.subarray(width)]);
    },
  };
}

/** Packed rows as `Activations` describes them. */
function unpack(words: DataView, rows: number, blocks: number): Float32Array[] {
  const values = new Float32Array(rows * blocks * blockWidth);
  const sums = new Float32Array(rows * blocks * 2);
  const squares = new Float32Array(rows * blocks);
  for (let i = 0; i < rows * blocks; i++) {
    const row = Math.floor(i / blocks) * 5;
    const plane = (p: number) => ((row + p) * blocks + (i % blocks)) * 16;
    const summary = (j: number) => words.getFloat32(plane(4) + 4 * j, true);
    for (let j = 0; j < blockWidth; j++) {
      const half = Math.floor(j / 16);
      const high = words.getInt8(plane(half) + (j % 16));
      const low = words.getInt8(plane(2 + half) + (j % 16));
      values[i * blockWidth + j] = summary(0) * (256 * high + low);
    }
    sums.set([summary(1), summary(2)], i * 2);
    squares[i] = summary(3);
  }
  return [values, sums, squares];
}
