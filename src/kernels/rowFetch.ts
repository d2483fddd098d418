/** Rows of a table by their numbers: token embeddings, or the hidden rows whose logits are wanted. */

import { OmniError } from "../runtime/errors.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor, WeightMatrix } from "../runtime/gpu/tensor.ts";
import { formatSource } from "./formats/formats.ts";
import {
  checkRows,
  foldWorkgroups,
  gridSource,
  type RowCount,
  rowConstants,
  rowsOf,
  stepSource,
} from "./prelude.ts";
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
  const maxRows = rowsOf(rows, rec.maxStep);
  const { columns } = table;
  checkRows(label, "out", out, maxRows, columns);
  if (ids.dtype !== "u32" || ids.shape.reduce((a, b) => a * b, 1) < maxRows || columns % 8 !== 0)
    throw new OmniError(
      "internal_error",
      `rowFetch ${label}: ids ${ids.dtype} (${ids.shape.join(", ")}) do not give ${maxRows} rows of table (${table.rows}, ${columns})`,
    );
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
