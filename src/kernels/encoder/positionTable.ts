/** Learned positions of patches, resized to an image of any size. */

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
import { expectImageSizes, imageSizesSource, patchPlaceSource } from "./imageSizes.ts";
import wgsl from "./positionTable.wgsl?raw";

export interface PositionTableArgs {
  table: Tensor; // (height, width, D) f32
  sizes: Tensor; // (4) u32; see imageSizes.ts
  patchSize: number;
  /** As of `patchRows`. @default 1 */
  merge?: number;
  /** The outermost patches have the outermost entries, as Qwen3-VL has it; else cells are scaled, as others do. */
  alignCorners: boolean;
  out: Tensor; // (R, D)
  rows: RowCount;
}

/**
 * out[r, :] = the position of patch r, bilinear between entries of the table, without antialiasing.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function positionTable(rec: Recording, args: PositionTableArgs, label: string): void {
  const { table, sizes, patchSize, merge = 1, alignCorners, out, rows } = args;
  const place = `positionTable ${label}`;
  const [tableHeight = 0, tableWidth = 0, width = 0] = table.shape;
  expectSize(place, "table's height", tableHeight, 1, 16384);
  expectSize(place, "table's width", tableWidth, 1, 16384);
  expectSize(place, "D", width, 4);
  expectKernel(
    table.dtype === "f32" && table.shape.length === 3 && width % 4 === 0,
    place,
    `table is ${table.dtype} (${table.shape.join(", ")}) and should be f32 (height, width, a multiple of 4).`,
  );
  expectSize(place, "patchSize", patchSize, 1, 256);
  expectSize(place, "merge", merge, 1, 16);
  expectImageSizes(place, sizes);
  expectRows(rec, place, "out", out, "f32", rows, width);
  expectKernel(table.buffer !== out.buffer, place, "out is in the buffer of table.");
  rec.dispatch({
    label: place,
    source: [
      constSource({ tableHeight, tableWidth, rowQuads: width / 4, alignCorners: alignCorners ? 1 : 0 }),
      stepSource(0),
      gridSource,
      imageSizesSource(2),
      patchPlaceSource(patchSize, merge),
      wgsl,
    ].join(""),
    constants: rowConstants(rows),
    bindings: [rec.step, table, sizes, out],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * width) / 256)),
  });
}
