/** Buffers for a model's weights, without a file that fills them. */

import { type LoadWeightsOptions, loadWeights } from "../../src/runtime/weights/load.ts";
import type { LoadedWeights } from "../../src/runtime/weights/types.ts";

/** How large a matrix is that lies in a buffer: tensors of a file may be joined there, or cut. */
export interface BufferMatrix {
  rows: number;
  columns: number;
}

/** The buffers of all weights, as loading makes them before it reads the first byte of them. */
export function allocateWeights(options: Omit<LoadWeightsOptions, "onAllocated">): Promise<LoadedWeights> {
  return new Promise((resolve, reject) => {
    const onAllocated = (weights: LoadedWeights) => {
      resolve(weights);
      return new Promise<never>(() => undefined); // loading never goes on
    };
    loadWeights({ ...options, onAllocated }).catch(reject);
  });
}

/** What the buffers of weights hold. */
export function matricesOf({ matrices, joined }: LoadedWeights): Map<GPUBuffer, BufferMatrix> {
  const found = new Map<GPUBuffer, BufferMatrix>();
  for (const { columns, slices } of [...matrices.values(), ...[...joined.values()].flat()])
    for (const { rowCount, planes } of slices) found.set(planes[0]!.buffer, { rows: rowCount, columns });
  return found;
}
