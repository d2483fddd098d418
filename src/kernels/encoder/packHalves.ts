/** f32 as f16, for caches that are read often: half the bytes. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectSize } from "../checks.ts";
import {
  constSource,
  foldWorkgroups,
  gridSource,
  type RowCount,
  rowConstants,
  rowsOf,
  stepSource,
} from "../prelude.ts";
import wgsl from "./packHalves.wgsl?raw";

export interface PackHalvesArgs {
  x: Tensor; // (R, D) f32
  /** D: a multiple of 4. */
  width: number;
  out: Tensor; // (R, D) f16
  rows: RowCount;
}

/**
 * out[r, d] = x[r, d], cut off at ±65,504; needs no `shader-f16`.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function packHalves(rec: Recording, { x, width, out, rows }: PackHalvesArgs, label: string): void {
  const place = `packHalves ${label}`;
  expectSize(place, "width", width, 4);
  expectKernel(width % 4 === 0, place, `width is ${width} and should be a multiple of 4.`);
  expectRows(rec, place, "x", x, "f32", rows, width);
  expectRows(rec, place, "out", out, "f16", rows, width);
  expectKernel(x.buffer !== out.buffer, place, "out is in the buffer of x.");
  rec.dispatch({
    label: place,
    source: [constSource({ rowQuads: width / 4 }), stepSource(0), gridSource, wgsl].join(""),
    constants: rowConstants(rows),
    bindings: [rec.step, x, out],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * width) / 256)),
  });
}
