/** Rows of a table by their numbers: token embeddings, or the hidden rows whose logits are wanted. */

import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor, WeightMatrix } from "../runtime/gpu/tensor.ts";
import { expectKernel, expectRows } from "./checks.ts";
import { formatSource } from "./formats/formats.ts";
import { foldWorkgroups, gridSource, type RowCount, rowConstants, rowsOf, stepSource } from "./prelude.ts";
import wgsl from "./rowFetch.wgsl?raw";

export { activationMatrix } from "./formats/formats.ts";

export interface RowFetchArgs {
  /** (N, D), any weight type; {@link activationMatrix} makes one of an activation. */
  table: WeightMatrix;
  /** (T) u32. Numbers of N and above give rows of zeros. */
  ids: Tensor;
  /** (T, D) f32. */
  out: Tensor;
  rows: RowCount;
}

/**
 * out[t, :] = table[ids[t], :] for the rows of a step, dequantised.
 * @throws OmniError `internal_error` where shapes do not fit
 */
export function rowFetch(rec: Recording, { table, ids, out, rows }: RowFetchArgs, label: string): void {
  const { columns } = table;
  const place = `rowFetch ${label} of table (${table.rows}, ${columns})`;
  expectKernel(columns % 8 === 0, place, "columns are no multiple of 8.");
  expectRows(rec, place, "out", out, "f32", rows, columns);
  expectRows(rec, place, "ids", ids, "u32", rows, 1);
  for (const slice of table.slices)
    rec.dispatch({
      label: `rowFetch ${label}`,
      source: stepSource(0) + gridSource + formatSource(table.type, 3) + wgsl,
      constants: {
        ...rowConstants(rows),
        columns,
        tableRows: table.rows,
        sliceStart: slice.rowStart,
        sliceRows: slice.rowCount,
      },
      bindings: [rec.step, ids, out, ...slice.planes],
      workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * columns) / 256)),
    });
}
