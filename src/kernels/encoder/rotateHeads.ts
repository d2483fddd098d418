/** RoPE of the heads of an encoder, in place. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectRows } from "../checks.ts";
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
import { axisCount, expectRotation, type Rotation, rotationSource } from "../rope.ts";
import { expectHeadRows, expectHeads, type HeadRows } from "./headRows.ts";
import wgsl from "./rotateHeads.wgsl?raw";

export interface RotateHeadsArgs {
  /** Heads of queries, and of keys if they follow in the same rows. */
  x: HeadRows; // (T, H · E)
  heads: number;
  /** E: a multiple of 8. */
  headWidth: number;
  /** Of whole heads in halves (`neox`), without frequency factors. */
  rope: Rotation;
  /** Below 2^20. */
  positions: Tensor; // (T, axes) u32
  rows: RowCount;
}

/**
 * Turns every pair of every head by its row's position; see `Rotation` and ropeAxes.ts.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function rotateHeads(rec: Recording, args: RotateHeadsArgs, label: string): void {
  const { x, heads, headWidth, rope, positions, rows } = args;
  const place = `rotateHeads ${label}`;
  expectHeads(place, heads, headWidth);
  expectRotation(place, rope, headWidth);
  expectKernel(headWidth % 8 === 0, place, `headWidth is ${headWidth} and should be a multiple of 8.`);
  expectKernel(
    rope.ropeWidth === headWidth && rope.mode === "neox" && !rope.frequencyFactors,
    place,
    "the rotation is not one of whole heads in halves, without factors.",
  );
  expectHeadRows(rec, place, "x", x, rows, heads * headWidth);
  expectRows(rec, place, "positions", positions, "u32", rows, axisCount(rope));
  const { start = 0, stride = heads * headWidth } = x;
  const pairQuads = headWidth / 8;
  rec.dispatch({
    label: place,
    source: [
      constSource({ heads, pairQuads, rowStart: start / 4, rowQuads: stride / 4 }),
      stepSource(0),
      rolledSource(rec.gpu.software),
      gridSource,
      rotationSource(rope, 3),
      wgsl,
    ].join(""),
    constants: rowConstants(rows),
    bindings: [rec.step, x.tensor, positions],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * pairQuads) / 64)),
  });
}
