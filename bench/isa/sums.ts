/** What kernels are together, weighted by how often a step dispatches them. */

import { type EncoderName, encoderNames } from "../encoder/shapes.ts";
import type { Case } from "./cases.ts";

/** A kernel with cycles for which one dispatch keeps SIMDs from others. */
export interface CostedCase extends Pick<Case, "type" | "step" | "count" | "weights" | "bytes"> {
  cycles: number;
}

export interface Sum {
  /** The weight type, of encodings with the encoder. */
  name: string;
  dispatches: number;
  cycles: number;
  /** The part of `cycles` of kernels that read weights. */
  matrixCycles: number;
  weights: number;
  bytes: number;
}

export const isEncoder = (step: Case["step"]): step is EncoderName =>
  encoderNames.some((name) => name === step);

const nothing = { dispatches: 0, cycles: 0, matrixCycles: 0, weights: 0, bytes: 0 };

/** All matrices of a decode step, all kernels of an encoding; by type, in the order of the kernels. */
export function stepSums(kernels: readonly CostedCase[]): Sum[] {
  const sums = new Map<string, Sum>();
  for (const { type, step, count, cycles, weights, bytes } of kernels) {
    if (!isEncoder(step) && (weights === 0 || step === "prefill")) continue;
    const name = isEncoder(step) ? `${step} ${type}` : type;
    const sum = sums.get(name) ?? { name, ...nothing };
    sums.set(name, sum);
    sum.dispatches += count;
    sum.cycles += count * cycles;
    if (weights > 0) sum.matrixCycles += count * cycles;
    sum.weights += count * weights;
    sum.bytes += count * bytes;
  }
  return [...sums.values()];
}
