/** Activations times a weight matrix: the choice between the kernel for few rows and those for many. */

import type { Gpu } from "../runtime/gpu/device.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor, WeightMatrix } from "../runtime/gpu/tensor.ts";
import type { Activations } from "./activations.ts";
import { checkMatmul, type MatmulArgs, type MatmulInput, matmulPlace } from "./matmulArgs.ts";
import type { GateActivation, NextNorm } from "./matmulOutput.ts";
import { matmulTiles } from "./matmulTiles.ts";
import { canGate, type MatmulNextArgs, matmulGated, matmulNext, matmulVec } from "./matmulVec.ts";
import { type RowCount, rowsOf } from "./prelude.ts";
import { quantize } from "./quantize.ts";

export type { GateActivation, MatmulArgs, NextNorm };

/**
 * Up to this many rows the kernel for few is taken. By the busy cycles of RDNA2 (Q4_0, K = 2048), 12 rows cost the same
 * either way (2.2 cycles per product in fours of rows; 1.7 in a tile of 16, full or not), but tiles make so few
 * workgroups there that large GPUs idle. A software adapter gains nothing from tiles: its workgroup memory is as far away
 * as any other, and they take it seconds to compile.
 */
const vecRows = (gpu: Gpu) => (gpu.software ? Infinity : 16);

const hasFewRows = (rec: Recording, rows: RowCount) => rowsOf(rows, rec.maxStep) <= vecRows(rec.gpu);

/**
 * out[r, n] = activation(Σ_k x[r, k] · W[n, k] (· norm) + bias[n]) + residual[r, n] for the rows r of a step; one
 * dispatch per slice of W. Sums are exact integers within a block of packed rows where the GPU is fast at that, and f32 beyond.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function matmul(rec: Recording, args: MatmulArgs, label: string): void {
  checkMatmul(rec, args, matmulPlace(label, args.weight));
  if (hasFewRows(rec, args.rows)) matmulVec(rec, args, label);
  else matmulTiles(rec, args, label);
}

/**
 * residual[r, n] += Σ_k x[r, k] · W[n, k], and next.out = residual · next.weight for the norm that comes next. One
 * dispatch for few rows, else two.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function matmulAdd(rec: Recording, args: MatmulNextArgs, label: string): void {
  if (hasFewRows(rec, args.rows)) {
    matmulNext(rec, args, label);
    return;
  }
  const { residual, next, ...input } = args;
  matmul(rec, { ...input, out: residual, residual }, label);
  quantize(rec, { x: residual, ...next, rows: args.rows }, label);
}

export interface MatmulGluArgs extends Omit<MatmulInput, "weight"> {
  /** The rows of gate, then those of up, in one matrix or two or more: (2F, K) in all. */
  weights: readonly WeightMatrix[];
  /** (R, 2F) f32: room for gate and up, where they cannot be joined in the matmul. Not allocated unless needed. */
  scratch: () => Tensor;
  /** SwiGLU or GeGLU. */
  gate: GateActivation;
  /** (R, F) */
  out: Activations;
}

/**
 * out = gate · up, the gate behind its function, of both halves of x · Wᵀ. One dispatch for few rows and a matrix in one piece.
 * Source: Shazeer 2020, arXiv:2002.05202.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function matmulGlu(rec: Recording, args: MatmulGluArgs, label: string): void {
  const { weights, scratch, gate, out, ...input } = args;
  const [first, ...others] = weights;
  if (first && others.length === 0 && hasFewRows(rec, args.rows) && canGate(first, out.kind)) {
    matmulGated(rec, { ...input, weight: first, gate, out }, label);
    return;
  }
  const both = scratch();
  let outStart = 0;
  for (const weight of weights) {
    matmul(rec, { ...input, weight, out: both, outStart, outStride: 2 * out.width }, label);
    outStart += weight.rows;
  }
  quantize(rec, { x: both, gate, out, rows: args.rows }, label);
}
