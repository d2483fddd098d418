/** What the matmul kernels share: arguments, their checks, constants and bindings. */

import type { Recording } from "../runtime/gpu/recording.ts";
import type { BufferSlice, Tensor, WeightMatrix, WeightSlice } from "../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectShape } from "./checks.ts";
import { groupWeights } from "./formats/formats.ts";
import { type RowCount, rowConstants } from "./prelude.ts";

export interface MatmulArgs {
  /** (R, K) f32. */
  x: Tensor;
  /** (N, K). */
  weight: WeightMatrix;
  /** (R, N) f32; not x. */
  out: Tensor;
  /** (N) f32, added to every row. */
  bias?: Tensor | undefined;
  /** (R, N) f32, added; may be `out` itself. */
  residual?: Tensor | undefined;
  rows: RowCount;
}

/**
 * Checks all shapes.
 * @throws OmniError `internal_error` with both shapes
 */
export function checkMatmul(rec: Recording, args: MatmulArgs, label: string): void {
  const { x, weight, out, bias, residual, rows } = args;
  const place = `matmul ${label} with weight (${weight.rows}, ${weight.columns})`;
  expectRows(rec, place, "x", x, "f32", rows, weight.columns);
  expectRows(rec, place, "out", out, "f32", rows, weight.rows);
  if (bias) expectShape(place, "bias", bias, "f32", [weight.rows]);
  if (residual) expectRows(rec, place, "residual", residual, "f32", rows, weight.rows);
  expectKernel(
    weight.columns % groupWeights(weight.type) === 0,
    place,
    `columns do not divide into ${weight.type} groups.`,
  );
  for (const input of [x, bias])
    expectKernel(input?.buffer !== out.buffer, place, "out shares its buffer with an input.");
}

/** Override constants of matmulOutput.wgsl. */
export function matmulConstants(args: MatmulArgs, slice: WeightSlice): Record<string, number> {
  const { weight, out, bias, residual, rows } = args;
  const inPlace = residual?.buffer === out.buffer;
  return {
    ...rowConstants(rows),
    columns: weight.columns,
    outWidth: weight.rows,
    sliceStart: slice.rowStart,
    sliceRows: slice.rowCount,
    hasBias: bias ? 1 : 0,
    hasResidual: residual && !inPlace ? 1 : 0,
    accumulate: inPlace ? 1 : 0,
  };
}

/** Bindings of matmulOutput.wgsl and the format's planes; x stands in for what is absent. */
export function matmulBindings(rec: Recording, args: MatmulArgs, slice: WeightSlice): BufferSlice[] {
  const { x, out, bias, residual } = args;
  const separate = residual && residual.buffer !== out.buffer ? residual : x;
  return [rec.step, x, bias ?? x, separate, out, ...slice.planes];
}
