import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectShape, expectSize, isInPlace } from "./checks.ts";
import {
  foldWorkgroups,
  gridSource,
  inOutSource,
  type RowCount,
  rowConstants,
  rowsOf,
  stepSource,
} from "./prelude.ts";
import kernel from "./rmsNorm.wgsl?raw";

export interface RmsNormArgs {
  x: Tensor; // (R, width)
  weight: Tensor; // (width)
  /** May be `x` itself; otherwise in another buffer. */
  out: Tensor; // (R, width)
  width: number;
  eps: number;
  rows: RowCount;
}

/** Threads that share a row: few enough that each has a value or more to read; on a CPU each pays for every barrier. */
function threadsPerRow(rowValues: number, software: boolean): number {
  if (rowValues <= 32 || software) return 16;
  return rowValues <= 128 ? 64 : 256;
}

/**
 * Root-mean-square normalization: out[r, :] = x[r, :] / sqrt(mean(x[r, :]²) + eps) · weight.
 * Source: Zhang and Sennrich 2019, arXiv:1910.07467.
 * @throws OmniError `internal_error` naming both shapes where they do not fit
 */
export function rmsNorm(
  rec: Recording,
  { x, weight, out, width, eps, rows }: RmsNormArgs,
  label: string,
): void {
  label = `rmsNorm ${label}`;
  expectSize(label, "width", width, 1);
  expectKernel(eps >= 0, label, `eps is ${eps} and should not be negative.`);
  expectRows(rec, label, "x", x, "f32", rows, width);
  expectRows(rec, label, "out", out, "f32", rows, width);
  expectShape(label, "weight", weight, "f32", [width]);
  const inPlace = isInPlace(label, x, out);
  const vectors = width % 4 === 0;
  const rowValues = vectors ? width / 4 : width;
  const rowThreads = threadsPerRow(rowValues, rec.gpu.software);
  const groupThreads = rec.gpu.software ? rowThreads : Math.max(64, rowThreads);
  const squares = `fn squares(v: Value) -> f32 { return ${vectors ? "dot(v, v)" : "v * v"}; }\n`;
  rec.dispatch({
    label,
    source: inOutSource("x", inPlace, vectors) + squares + stepSource(2) + gridSource + kernel,
    constants: { ...rowConstants(rows), groupThreads, rowThreads, rowValues, inverseWidth: 1 / width, eps },
    bindings: inPlace ? [out, weight, rec.step] : [x, weight, rec.step, out],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * rowThreads) / groupThreads)),
  });
}
