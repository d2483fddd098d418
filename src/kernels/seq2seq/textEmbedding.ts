/** Where a decoder with learned positions starts: rows of two tables, added. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor, WeightMatrix } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectRows } from "../checks.ts";
import { formatBindings, formatSource } from "../formats/formats.ts";
import {
  constSource,
  foldWorkgroups,
  gridSource,
  type RowCount,
  rowConstants,
  rowsOf,
  stepSource,
} from "../prelude.ts";
import wgsl from "./textEmbedding.wgsl?raw";

export interface TextEmbeddingArgs {
  table: WeightMatrix; // (V, D), any type
  positionTable: Tensor; // (P, D) f32
  /** Numbers of V and above give rows of zeros. */
  ids: Tensor; // (T) u32
  /** Numbers of P and above are taken for P - 1. */
  positions: Tensor; // (T) u32
  out: Tensor; // (T, D) f32
  rows: RowCount;
}

/**
 * out[t, :] = table[ids[t], :] + positionTable[positions[t], :], dequantised. One dispatch per slice of the table.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function textEmbedding(rec: Recording, args: TextEmbeddingArgs, label: string): void {
  const { table, positionTable, ids, positions, out, rows } = args;
  const { columns } = table;
  const place = `textEmbedding ${label} of table (${table.rows}, ${columns})`;
  expectRows(rec, place, "out", out, "f32", rows, columns);
  expectRows(rec, place, "ids", ids, "u32", rows, 1);
  expectRows(rec, place, "positions", positions, "u32", rows, 1);
  const [positionRows = 0, width] = positionTable.shape;
  expectKernel(
    positionTable.dtype === "f32" && positionTable.shape.length === 2 && width === columns,
    place,
    `positionTable is ${positionTable.dtype} (${positionTable.shape.join(", ")}) and should be ${columns} wide.`,
  );
  const threads = rec.gpu.software ? 16 : 64;
  for (const slice of table.slices) {
    const format = formatBindings(table.type, slice);
    const own = [rec.step, ids, positions, positionTable, out];
    rec.dispatch({
      label: `textEmbedding ${label}`,
      source: [
        constSource({ threads }),
        stepSource(0),
        gridSource,
        formatSource(table.type, own.length),
        wgsl,
      ].join(""),
      constants: {
        ...rowConstants(rows),
        ...format.constants,
        ...{
          columns,
          tableRows: table.rows,
          sliceStart: slice.rowStart,
          sliceRows: slice.rowCount,
          positionRows,
        },
      },
      bindings: [...own, ...format.bindings],
      workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * columns) / 4 / threads)),
    });
  }
}
