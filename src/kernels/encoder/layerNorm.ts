/** LayerNorm of rows of f32. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectShape, expectSize } from "../checks.ts";
import {
  constSource,
  foldWorkgroups,
  gridSource,
  type RowCount,
  rolledSource,
  rowConstants,
  rowsOf,
  stepSource,
} from "../prelude.ts";
import wgsl from "./layerNorm.wgsl?raw";

export interface LayerNormArgs {
  x: Tensor; // (R, D)
  weight: Tensor; // (D)
  bias: Tensor; // (D)
  /** Added to the variance. */
  epsilon: number;
  /** In another buffer than x. */
  out: Tensor; // (R, D)
  rows: RowCount;
}

/** A row keeps a wave or two busy; on a CPU threads that meet at a barrier cost. */
function layout(columns: number, software: boolean): { threads: number; team: number } {
  if (software) return { threads: 4, team: 1 };
  const team = columns <= 512 ? 32 : columns <= 4096 ? 64 : 256;
  return { threads: Math.max(team, 64), team };
}

/**
 * out[r, :] = (x[r, :] - mean) / √(variance + epsilon) · weight + bias, with mean and variance over the D values of a
 * row. D is a multiple of 4. Source: Ba et al. 2016, arXiv:1607.06450.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function layerNorm(rec: Recording, args: LayerNormArgs, label: string): void {
  const { x, weight, bias, epsilon, out, rows } = args;
  const place = `layerNorm ${label}`;
  const columns = weight.shape.at(-1) ?? 0;
  expectSize(place, "weight's width", columns, 4);
  expectKernel(columns % 4 === 0, place, `rows of ${columns} values are no multiple of 4.`);
  expectShape(place, "weight", weight, "f32", [columns]);
  expectShape(place, "bias", bias, "f32", [columns]);
  expectRows(rec, place, "x", x, "f32", rows, columns);
  expectRows(rec, place, "out", out, "f32", rows, columns);
  expectKernel(epsilon >= 0, place, `epsilon is ${epsilon} and should not be negative.`);
  expectKernel(x.buffer !== out.buffer, place, "out is in the buffer of x.");
  const { threads, team } = layout(columns, rec.gpu.software);
  rec.dispatch({
    label: place,
    source: [
      constSource({ threads, team, columnQuads: columns / 4 }),
      stepSource(0),
      rolledSource(rec.gpu.software),
      gridSource,
      wgsl,
    ].join(""),
    constants: { ...rowConstants(rows), epsilon },
    bindings: [rec.step, x, weight, bias, out],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * team) / threads)),
  });
}
