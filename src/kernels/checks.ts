/** Checks that kernels make while recording: a wrong shape is a bug, and its message names both shapes. */

import { OmniError } from "../runtime/errors.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import { type RowCount, rowsOf } from "./prelude.ts";

/** Throws `internal_error` unless the condition holds. */
export function expectKernel(condition: boolean, label: string, message: string): asserts condition {
  if (!condition) throw new OmniError("internal_error", `${label}: ${message}`, { param: label });
}

function elements(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Fails unless the tensor has this type and exactly this shape. */
export function expectShape(
  label: string,
  name: string,
  tensor: Tensor,
  dtype: Tensor["dtype"],
  shape: readonly number[],
): void {
  expectKernel(
    tensor.dtype === dtype && tensor.shape.join() === shape.join(),
    label,
    `${name} is ${tensor.dtype} (${tensor.shape.join(", ")}) and should be ${dtype} (${shape.join(", ")}).`,
  );
}

/**
 * Fails unless the tensor holds the rows of the largest step: either one entry of the first dimension per row, or
 * one per token with `rows.times` rows in it. `width` may be spread over several dimensions.
 */
export function expectRows(
  rec: Recording,
  label: string,
  name: string,
  tensor: Tensor,
  dtype: Tensor["dtype"],
  rows: RowCount,
  width: number,
): void {
  const { times = 1 } = rows;
  const count = rowsOf(rows, rec.maxStep);
  const [first = 0, ...rest] = tensor.shape;
  const inner = elements(rest);
  const fits =
    (inner === width && first >= count) || (inner === width * times && first >= rec.maxStep[rows.of]);
  expectKernel(
    tensor.dtype === dtype && fits,
    label,
    `${name} is ${tensor.dtype} (${tensor.shape.join(", ")}) and should be ${dtype} (${count} or more, ${width}).`,
  );
}

/** Fails unless the number is an integer of at least `min` and at most `max`. */
export function expectSize(
  label: string,
  name: string,
  value: number,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): void {
  expectKernel(
    Number.isInteger(value) && value >= min && value <= max,
    label,
    `${name} is ${value} and should be an integer from ${min} to ${max}.`,
  );
}

/**
 * Whether `out` is the input itself. Fails where it is another tensor in the input's buffer, because WebGPU forbids
 * binding a buffer twice if one binding writes.
 */
export function isInPlace(label: string, input: Tensor, out: Tensor): boolean {
  const same = input.buffer === out.buffer && input.offsetBytes === out.offsetBytes;
  expectKernel(
    same || input.buffer !== out.buffer,
    label,
    "out is another tensor in the buffer of its input.",
  );
  return same;
}
