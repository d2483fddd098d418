/** A residual that is normed before it is added, and the norm that comes next. */

import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import { activationWriteSource, expectActivations } from "./activations.ts";
import wgsl from "./addNormed.wgsl?raw";
import { expectKernel, expectRows, expectShape } from "./checks.ts";
import type { NextNorm } from "./matmulOutput.ts";
import {
  BindingList,
  foldWorkgroups,
  gridSource,
  type RowCount,
  rolledSource,
  rowConstants,
  rowsOf,
  stepSource,
} from "./prelude.ts";

export interface AddNormedArgs {
  x: Tensor; // (R, D) f32
  /** D is a multiple of 4. */
  weight: Tensor; // (D) f32
  /** Added to the mean square. */
  epsilon: number;
  residual: Tensor; // (R, D) f32
  next: NextNorm;
  rows: RowCount;
}

/**
 * residual[r, :] += x[r, :] / √(mean(x[r, :]²) + epsilon) · weight, and next.out = residual · next.weight for the norm that comes
 * next. Source: Zhang and Sennrich 2019, arXiv:1910.07467; norms behind sublayers as in Gemma 2, arXiv:2408.00118.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function addNormed(rec: Recording, args: AddNormedArgs, label: string): void {
  const { x, weight, epsilon, residual, next, rows } = args;
  const place = `addNormed ${label}`;
  const width = weight.shape[0] ?? 0;
  expectKernel(width > 0 && width % 4 === 0, place, `rows of ${width} values are no multiple of 4.`);
  expectShape(place, "weight", weight, "f32", [width]);
  expectRows(rec, place, "x", x, "f32", rows, width);
  expectRows(rec, place, "residual", residual, "f32", rows, width);
  expectActivations(rec, place, "next.out", next.out, rows, width);
  expectShape(place, "next.weight", next.weight, "f32", [width]);
  expectKernel(x.buffer !== residual.buffer, place, "x is in the buffer of residual.");
  const bindings = new BindingList();
  rec.dispatch({
    label: place,
    source: [
      stepSource(bindings.add(rec.step)),
      gridSource,
      rolledSource(rec.gpu.software),
      bindings.declare("read", "x", "vec4f", x),
      bindings.declare("read", "weights", "vec4f", weight),
      bindings.declare("read_write", "residual", "vec4f", residual),
      bindings.declare("read", "nextWeights", "vec4f", next.weight),
      // On a CPU threads that meet at a barrier cost.
      activationWriteSource(next.out.kind, width, bindings.add(next.out.tensor), rec.gpu.software ? 16 : 64),
      wgsl,
    ].join(""),
    constants: { ...rowConstants(rows), eps: epsilon },
    bindings: bindings.slices,
    workgroups: (step) => foldWorkgroups(rowsOf(rows, step)),
  });
}
