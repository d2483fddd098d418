/** A matmul whose weights are the wrong way round: what a file holds as (inputs, outputs). */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectRows } from "../checks.ts";
import { constSource, type RowCount, rolledSource, rowConstants, rowsOf, stepSource } from "../prelude.ts";
import { unroll } from "../unroll.ts";
import wgsl from "./matmulColumns.wgsl?raw";

export interface MatmulColumnsArgs {
  x: Tensor; // (R, K) f32
  /** K and N are multiples of 4. */
  weight: Tensor; // (K, N) f32
  /** In another buffer than x. */
  out: Tensor; // (R, N) f32
  rows: RowCount;
}

/** Rows of a thread. */
const threadRows = 4;

/**
 * out[r, n] = Σ_k x[r, k] · weight[k, n], for matrices of which there is one in a model.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function matmulColumns(rec: Recording, args: MatmulColumnsArgs, label: string): void {
  const { x, weight, out, rows } = args;
  const place = `matmulColumns ${label}`;
  const [K = 0, N = 0] = weight.shape;
  const isMatrix = weight.dtype === "f32" && weight.shape.length === 2;
  expectKernel(
    isMatrix && K > 0 && N > 0 && K % 4 === 0 && N % 4 === 0,
    place,
    `weight is ${weight.dtype} (${weight.shape.join(", ")}) and should be f32 of two multiples of 4.`,
  );
  expectRows(rec, place, "x", x, "f32", rows, K);
  expectRows(rec, place, "out", out, "f32", rows, N);
  expectKernel(x.buffer !== out.buffer, place, "out is in the buffer of x.");
  rec.dispatch({
    label: place,
    source: [
      constSource({ threadRows, columnQuads: K / 4, outQuads: N / 4 }),
      stepSource(0),
      rolledSource(rec.gpu.software),
      unroll(wgsl, { threadRows }),
    ].join(""),
    constants: rowConstants(rows),
    bindings: [rec.step, x, weight, out],
    workgroups: (step) => [Math.ceil(N / 4 / 64), Math.ceil(rowsOf(rows, step) / threadRows)],
  });
}
