/** What the layers of encoder and decoder have in common. */

import { layerNorm } from "../../../kernels/encoder/layerNorm.ts";
import { matmul } from "../../../kernels/matmul.ts";
import type { RowCount } from "../../../kernels/prelude.ts";
import type { Recording } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { FeedForward, Linear, Norm } from "./weights.ts";

const epsilon = 1e-5;
export const rows: RowCount = { of: "tokens" };

export interface LinearOptions {
  activation?: "gelu";
  /** Added to the result; may be `out` itself. */
  residual?: Tensor;
  /** Which rows of x to read, for the step's outputs. */
  xRows?: Tensor;
}

/** out = activation(x · Wᵀ + bias) + residual */
export function linear(
  rec: Recording,
  x: Tensor,
  { weights, bias }: Linear,
  out: Tensor,
  label: string,
  { activation, residual, xRows }: LinearOptions = {},
): void {
  const outStride = out.shape.at(-1)!;
  let outStart = 0;
  for (const weight of weights) {
    const input = { kind: "plain", width: weight.columns, tensor: x } as const;
    const output = { out, outStart, outStride, bias, activation, residual };
    matmul(rec, { x: input, weight, ...output, rows: xRows ? { of: "outputs" } : rows, xRows }, label);
    outStart += weight.rows;
  }
}

export function norm(rec: Recording, x: Tensor, { weight, bias }: Norm, out: Tensor, label: string): void {
  layerNorm(rec, { x, weight, bias, epsilon, out, rows }, label);
}

/** x += down(gelu(up(norm(x)))) */
export function recordFeedForward(
  rec: Recording,
  { norm: own, up, down }: FeedForward,
  { x, normed, wide }: { x: Tensor; normed: Tensor; wide: Tensor },
  label: string,
): void {
  norm(rec, x, own, normed, `${label}.mlp_ln`);
  linear(rec, normed, up, wide, `${label}.mlp.0`, { activation: "gelu" });
  linear(rec, wide, down, x, `${label}.mlp.2`, { residual: x });
}
