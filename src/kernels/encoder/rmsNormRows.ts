/** RMSNorm of plain rows of f32, which may gate themselves first: what stands between an encoder and a language model. */

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
import wgsl from "./rmsNormRows.wgsl?raw";

export interface RmsNormRowsArgs {
  x: Tensor; // (R, D); (R, 2D) where gated
  weight: Tensor; // (D)
  /** Added to the mean square. */
  epsilon: number;
  /** What is normed is the first half of a row times silu of the second (Ultravox has them so). @default false */
  gated?: boolean;
  /** In another buffer than x. */
  out: Tensor; // (R, D)
  rows: RowCount;
}

/**
 * out[r, :] = v / √(mean(v²) + epsilon) · weight with v = x[r, :], or where gated v = x[r, :D] · silu(x[r, D:]). D is a
 * multiple of 4. Source: Zhang & Sennrich 2019, arXiv:1910.07467; Shazeer 2020, arXiv:2002.05202.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function rmsNormRows(rec: Recording, args: RmsNormRowsArgs, label: string): void {
  const { x, weight, epsilon, gated = false, out, rows } = args;
  const place = `rmsNormRows ${label}`;
  const columns = weight.shape.at(-1) ?? 0;
  expectSize(place, "weight's width", columns, 4);
  expectKernel(columns % 4 === 0, place, `rows of ${columns} values are no multiple of 4.`);
  expectShape(place, "weight", weight, "f32", [columns]);
  expectRows(rec, place, "x", x, "f32", rows, gated ? 2 * columns : columns);
  expectRows(rec, place, "out", out, "f32", rows, columns);
  expectKernel(epsilon >= 0, place, `epsilon is ${epsilon} and should not be negative.`);
  expectKernel(x.buffer !== out.buffer, place, "out is in the buffer of x.");
  // Rows are few and wide; on a CPU threads that meet at a barrier cost.
  const [threads, team] = rec.gpu.software ? [4, 1] : [64, 64];
  rec.dispatch({
    label: place,
    source: [
      constSource({ threads, team, columnQuads: columns / 4 }),
      stepSource(0),
      rolledSource(rec.gpu.software),
      gridSource,
      gated ? gatedSource : plainSource,
      wgsl,
    ].join(""),
    constants: { ...rowConstants(rows), epsilon },
    bindings: [rec.step, x, weight, out],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * team) / threads)),
  });
}

const plainSource = `
fn quadOf(row: u32, quad: u32) -> vec4f {
  return x[row * columnQuads + quad];
}
`;

const gatedSource = `
fn quadOf(row: u32, quad: u32) -> vec4f {
  let gate = x[(2u * row + 1u) * columnQuads + quad];
  // Beyond that exp overflows, and nothing is left of the product.
  return x[2u * row * columnQuads + quad] * gate / (1.0 + exp(-max(gate, vec4f(-80.0))));
}
`;
