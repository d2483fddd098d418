import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import { expectRows, expectSize, isInPlace } from "./checks.ts";
import {
  foldWorkgroups,
  gridSource,
  inOutSource,
  type RowCount,
  rowConstants,
  rowsOf,
  stepSource,
} from "./prelude.ts";
import kernel from "./swiglu.wgsl?raw";

export interface SwigluArgs {
  gate: Tensor; // (R, width)
  up: Tensor; // (R, width)
  /** May be `gate` itself; otherwise in another buffer. */
  out: Tensor; // (R, width)
  width: number;
  rows: RowCount;
}

/**
 * Gated activation of a feed-forward layer: out = silu(gate) · up, silu(g) = g / (1 + e^-g), for any finite gate.
 * Source: Shazeer 2020, arXiv:2002.05202.
 * @throws OmniError `internal_error` naming both shapes where they do not fit
 */
export function swiglu(rec: Recording, { gate, up, out, width, rows }: SwigluArgs, label: string): void {
  label = `swiglu ${label}`;
  expectSize(label, "width", width, 1);
  for (const [name, tensor] of Object.entries({ gate, up, out }))
    expectRows(rec, label, name, tensor, "f32", rows, width);
  const inPlace = isInPlace(label, gate, out);
  const vectors = width % 4 === 0;
  const rowValues = vectors ? width / 4 : width;
  rec.dispatch({
    label,
    source: inOutSource("gate", inPlace, vectors) + stepSource(2) + gridSource + kernel,
    constants: { ...rowConstants(rows), rowValues },
    bindings: inPlace ? [out, up, rec.step] : [gate, up, rec.step, out],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * rowValues) / 64)),
  });
}
