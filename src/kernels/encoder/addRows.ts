/** Rows plus what is known of their places: positions and kinds of an encoder's features. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectShape, expectSize } from "../checks.ts";
import {
  constSource,
  foldWorkgroups,
  gridSource,
  type RowCount,
  rowConstants,
  rowsOf,
  stepSource,
} from "../prelude.ts";
import wgsl from "./addRows.wgsl?raw";

export interface AddRowsArgs {
  x: Tensor; // (R, D)
  table: Tensor; // (R, D)
  /** Added to every row. */
  bias?: Tensor | undefined; // (D)
  /** D: a multiple of 4. */
  width: number;
  /** In another buffer than the others. */
  out: Tensor; // (R, D)
  rows: RowCount;
}

/**
 * out[r, :] = x[r, :] + table[r, :] (+ bias[:])
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function addRows(rec: Recording, args: AddRowsArgs, label: string): void {
  const { x, table, bias, width, out, rows } = args;
  const place = `addRows ${label}`;
  expectSize(place, "width", width, 4);
  expectKernel(width % 4 === 0, place, `width is ${width} and should be a multiple of 4.`);
  for (const [name, tensor] of Object.entries({ x, table, out }))
    expectRows(rec, place, name, tensor, "f32", rows, width);
  if (bias) expectShape(place, "bias", bias, "f32", [width]);
  for (const [name, tensor] of Object.entries({ x, table, ...(bias && { bias }) }))
    expectKernel(tensor.buffer !== out.buffer, place, `out is in the buffer of ${name}.`);
  rec.dispatch({
    label: place,
    source: [constSource({ rowQuads: width / 4 }), stepSource(0), gridSource, biasSource(bias), wgsl].join(
      "",
    ),
    constants: rowConstants(rows),
    bindings: [rec.step, x, table, out, ...(bias ? [bias] : [])],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * width) / 256)),
  });
}

/** Declares `biasQuad(column)`. */
function biasSource(bias: Tensor | undefined): string {
  if (!bias) return "fn biasQuad(column: u32) -> vec4f {\n  return vec4f();\n}\n";
  return `@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
fn biasQuad(column: u32) -> vec4f {
  return bias[column];
}
`;
}
