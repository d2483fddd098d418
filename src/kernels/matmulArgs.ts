/** What the matmul kernels share: arguments, their checks, constants and bindings. */

import { OmniError } from "../runtime/errors.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import type { BufferSlice, Tensor, WeightMatrix, WeightSlice } from "../runtime/gpu/tensor.ts";
import { groupWeights } from "./formats/formats.ts";
import { checkRows, type RowCount, rowConstants, rowsOf } from "./prelude.ts";

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
  const maxRows = rowsOf(rows, rec.maxStep);
  const place = `matmul ${label} with weight (${weight.rows}, ${weight.columns})`;
  checkRows(place, "x", x, maxRows, weight.columns);
  checkRows(place, "out", out, maxRows, weight.rows);
  if (bias) checkRows(place, "bias", bias, 1, weight.rows);
  if (residual) checkRows(place, "residual", residual, maxRows, weight.rows);
  const fail = (reason: string) => {
    throw new OmniError("internal_error", `${place}: ${reason}`);
  };
  if (weight.columns % groupWeights(weight.type) !== 0)
    fail(`columns do not divide into ${weight.type} groups`);
  for (const input of [x, bias])
    if (input?.buffer === out.buffer) fail("out shares its buffer with an input");
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
