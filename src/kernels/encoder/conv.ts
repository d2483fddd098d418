/**
 * Convolutions with kernels of 3 and padding 1 as matmuls over overlapping rows: tiles of input pass through workgroup
 * memory as any matmul's do, in any weight format.
 */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { matmul } from "../matmul.ts";
import type { MatmulArgs } from "../matmulArgs.ts";

export interface Conv1dArgs extends Pick<MatmulArgs, "weight" | "bias" | "activation" | "residual" | "rows"> {
  /** Time by time, as the rows of `out`. An odd length with stride 2 has a row of zeros behind it. */
  x: Tensor; // (stride · R, C)
  stride: 1 | 2;
  /** C: a multiple of 8. */
  channels: number;
  out: Tensor; // (R, N)
}

/**
 * out[t, n] = activation(bias[n] + Σ_i Σ_c weight[n, i, c] · x[stride · t + i - 1, c]) (+ residual), i = 0 … 2, with zeros
 * outside of x. The weight is (N, 3 · C): for each output the three taps of all channels in turn.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function conv1d(rec: Recording, args: Conv1dArgs, label: string): void {
  const { x, channels, stride, ...rest } = args;
  const rows = { kind: "plain", width: 3 * channels, tensor: x, conv: { channels, stride } } as const;
  matmul(rec, { ...rest, x: rows }, label);
}

export interface Conv2dArgs extends Omit<Conv1dArgs, "x"> {
  x: Tensor; // (images, height, width, C)
  height: number;
  width: number;
  /** One row per output pixel of all images: images · ceil(height / stride) · ceil(width / stride). */
  out: Tensor; // (R, N)
}

/**
 * out[y, x, n] = activation(bias[n] + Σ_i Σ_j Σ_c weight[n, i, j, c] · x[stride · y + i - 1, stride · x + j - 1, c])
 * (+ residual), i and j = 0 … 2, with zeros outside of the image. The weight is (N, 9 · C).
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function conv2d(rec: Recording, args: Conv2dArgs, label: string): void {
  const { x, channels, stride, height, width, ...rest } = args;
  const conv = { channels, stride, image: { height, width } };
  matmul(rec, { ...rest, x: { kind: "plain", width: 9 * channels, tensor: x, conv } }, label);
}
