/** What the matmul kernels share: arguments, their checks, constants and bindings. */

import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor, WeightMatrix } from "../runtime/gpu/tensor.ts";
import { type Activations, expectActivations } from "./activations.ts";
import { expectKernel, expectRows, expectShape, expectSize } from "./checks.ts";
import { isPackable } from "./formats/formats.ts";
import type { MatmulActivation } from "./matmulActivation.ts";
import { expectPlainRows, type PlainRows } from "./plainRows.ts";
import type { RowCount } from "./prelude.ts";

/** What every matmul reads. */
export interface MatmulInput {
  /** (R, K). Packed ones are for quantized weights only, plain ones for sums that are not normalized. */
  x: Activations | PlainRows;
  /** (R) u32: the rows of x to read; default: row r for output row r. */
  xRows?: Tensor | undefined;
  /** (N, K). */
  weight: WeightMatrix;
  /** RMSNorm of the rows of x: every sum is divided by √(mean of the row's squares + eps). */
  normalize?: { eps: number } | undefined;
  rows: RowCount;
}

/** A matmul whose results are written as they are. */
export interface MatmulArgs extends MatmulInput {
  /** (R, outStride) f32, of which columns outStart … outStart + N - 1 are written. */
  out: Tensor;
  /** @default 0 */
  outStart?: number | undefined;
  /** @default N */
  outStride?: number | undefined;
  /** (outStride) f32, added to every row of `out`. */
  bias?: Tensor | undefined;
  /** Applied to the sum with its bias. */
  activation?: MatmulActivation | undefined;
  /** (R, outStride) f32, added; may be `out` itself. */
  residual?: Tensor | undefined;
}

/**
 * Checks what a matmul reads.
 * @throws OmniError `internal_error` with both shapes
 */
export function checkInput(
  rec: Recording,
  { x, xRows, weight, normalize, rows }: MatmulInput,
  label: string,
): void {
  if (x.kind === "plain") {
    expectPlainRows(rec, label, x, xRows ? undefined : rows, weight.columns);
    expectKernel(!normalize, label, "plain rows have no sums of squares to normalize by.");
  } else expectActivations(rec, label, "x", x, xRows ? undefined : rows, weight.columns);
  expectKernel(
    x.kind !== "packed" || isPackable(weight.type),
    label,
    `weights in ${weight.type} cannot be multiplied with packed activations.`,
  );
  if (xRows) expectRows(rec, label, "xRows", xRows, "u32", rows, 1);
}

/**
 * Checks all shapes.
 * @throws OmniError `internal_error` with both shapes
 */
export function checkMatmul(rec: Recording, args: MatmulArgs, label: string): void {
  const { x, weight, out, outStart = 0, outStride = weight.rows, bias, residual, rows } = args;
  checkInput(rec, args, label);
  expectSize(label, "outStart", outStart, 0, outStride - weight.rows);
  expectRows(rec, label, "out", out, "f32", rows, outStride);
  if (bias) expectShape(label, "bias", bias, "f32", [outStride]);
  if (residual) expectRows(rec, label, "residual", residual, "f32", rows, outStride);
  for (const input of [x.tensor, bias])
    expectKernel(input?.buffer !== out.buffer, label, "out shares its buffer with an input.");
}

/** Names a matmul in messages. */
export function matmulPlace(label: string, { rows, columns }: WeightMatrix): string {
  return `matmul ${label} with weight (${rows}, ${columns})`;
}
