/** Queries, keys or values as the projections of an encoder leave them: the heads of a row side by side. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectSize } from "../checks.ts";
import { constSource, type RowCount } from "../prelude.ts";

/** Head h of row r are E elements from r · stride + start + h · E on. */
export interface HeadRows {
  tensor: Tensor; // (R, stride) f32
  /** @default 0 */
  start?: number;
  /** @default H · E */
  stride?: number;
}

/** Widths of heads that attention of encoders takes: what fits its workgroup memory. */
export const headWidths = { min: 8, max: 256 } as const;

/** Fails unless there are so many rows of heads in whole vec4s. */
export function expectHeadRows(
  rec: Recording,
  label: string,
  name: string,
  { tensor, start = 0, stride }: HeadRows,
  rows: RowCount,
  width: number,
): void {
  const rowWidth = stride ?? width;
  expectRows(rec, label, name, tensor, "f32", rows, rowWidth);
  expectSize(label, `${name}.start`, start, 0, rowWidth - width);
  expectKernel(
    start % 4 === 0 && rowWidth % 4 === 0,
    label,
    `${name} starts at ${start} of ${rowWidth} elements, which should be multiples of 4.`,
  );
}

/** Constants `<name>Start` and `<name>Stride`, in vec4s. */
export function headRowsSource(name: string, { start = 0, stride }: HeadRows, width: number): string {
  return constSource({ [`${name}Start`]: start / 4, [`${name}Stride`]: (stride ?? width) / 4 });
}

/** Fails unless heads have a width that the kernels take. */
export function expectHeads(label: string, heads: number, headWidth: number): void {
  expectSize(label, "heads", heads, 1, 1024);
  expectSize(label, "headWidth", headWidth, headWidths.min, headWidths.max);
  expectKernel(headWidth % 4 === 0, label, `headWidth is ${headWidth} and should be a multiple of 4.`);
}
