/** Rows of the token embedding by their ids: where a step starts. */

import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor, WeightMatrix } from "../runtime/gpu/tensor.ts";
import { activationWriteSource, blockWidth, expectActivations } from "./activations.ts";
import { expectKernel, expectRows, expectShape } from "./checks.ts";
import { formatBindings, formatSource } from "./formats/formats.ts";
import type { NextNorm } from "./matmulOutput.ts";
import {
  BindingList,
  foldWorkgroups,
  gridSource,
  type RowCount,
  rowConstants,
  rowsOf,
  stepSource,
} from "./prelude.ts";
import wgsl from "./rowFetch.wgsl?raw";

export interface RowFetchArgs {
  /** (N, D), any weight type; N is below 2^30. */
  table: WeightMatrix;
  /** Multiplies the table's rows, not those of media. @default 1 */
  scale?: number | undefined;
  /** (T) u32. Numbers of N and above give rows of zeros; 2^31 + i stands for sampled[i], 2^30 + i for media[i]. */
  ids: Tensor;
  /** (slots) u32: the token last drawn for each sampling slot. */
  sampled: Tensor;
  /** (M, D) f32: rows that are no text, such as those of pictures. */
  media?: Tensor | undefined;
  /** (T, D) f32. */
  out: Tensor;
  /** The norm that the rows pass first, and where they go for it. */
  next: NextNorm;
  rows: RowCount;
}

/** Marks an id as the number of a sampling slot. */
export const sampledId = 0x8000_0000;
/** Marks an id as the number of a row of media. */
export const mediaId = 0x4000_0000;

/**
 * out[t, :] = table[ids[t], :] · scale for the rows of a step, dequantised; next.out = out · next.weight.
 * @throws OmniError `internal_error` where shapes do not fit
 */
export function rowFetch(rec: Recording, args: RowFetchArgs, label: string): void {
  const { table, scale = 1, ids, sampled, media, out, next, rows } = args;
  const { columns } = table;
  const place = `rowFetch ${label} of table (${table.rows}, ${columns})`;
  expectKernel(columns % 8 === 0, place, "columns are no multiple of 8.");
  expectRows(rec, place, "out", out, "f32", rows, columns);
  expectRows(rec, place, "ids", ids, "u32", rows, 1);
  expectKernel(sampled.dtype === "u32", place, `sampled is ${sampled.dtype} and should be u32.`);
  if (media) expectShape(place, "media", media, "f32", [media.shape[0]!, columns]);
  expectActivations(rec, place, "next.out", next.out, rows, columns);
  expectShape(place, "next.weight", next.weight, "f32", [columns]);
  const threads = rec.gpu.software ? 16 : 64;
  const blocks = Math.ceil(columns / blockWidth);
  for (const slice of table.slices) {
    const bindings = new BindingList();
    const format = formatBindings(table.type, slice);
    rec.dispatch({
      label: `rowFetch ${label}`,
      source: [
        stepSource(bindings.add(rec.step)),
        gridSource,
        bindings.declare("read", "ids", "u32", ids),
        bindings.declare("read", "sampled", "u32", sampled),
        bindings.declare("read_write", "out", "vec4f", out),
        bindings.declare("read", "nextWeight", "vec4f", next.weight),
        activationWriteSource(next.out.kind, columns, bindings.add(next.out.tensor), threads),
        mediaSource(media, columns, bindings),
        formatSource(table.type, bindings.slices.length),
        wgsl,
      ].join(""),
      constants: {
        ...rowConstants(rows),
        ...format.constants,
        columns,
        tableRows: table.rows,
        tableScale: scale,
        sliceStart: slice.rowStart,
        sliceRows: slice.rowCount,
      },
      bindings: [...bindings.slices, ...format.bindings],
      workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * blocks * 8) / threads)),
    });
  }
}

/** Declares `mediaValue(row, quad)`: zeros beyond the last row. */
function mediaSource(media: Tensor | undefined, columns: number, bindings: BindingList): string {
  const head = `const hasMedia = ${media !== undefined};\nfn mediaValue(row: u32, quad: u32) -> vec4f {\n`;
  if (!media) return `${head}  return vec4f();\n}\n`;
  return `${bindings.declare("read", "media", "vec4f", media)}${head}  if (row >= ${media.shape[0]}u) {
    return vec4f();
  }
  return media[row * ${columns / 4}u + quad];
}
`;
}
