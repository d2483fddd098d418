/** What the layers of encoders (and of Whisper's decoder) have in common: LayerNorm, linear layers with bias, GELU. */

import { denseAttention } from "../../../kernels/encoder/denseAttention.ts";
import { layerNorm } from "../../../kernels/encoder/layerNorm.ts";
import { matmul } from "../../../kernels/matmul.ts";
import type { MatmulActivation } from "../../../kernels/matmulActivation.ts";
import type { RowCount } from "../../../kernels/prelude.ts";
import type { Recording } from "../../gpu/recording.ts";
import type { Tensor, WeightMatrix } from "../../gpu/tensor.ts";
import type { LoadedWeights } from "../../weights/types.ts";

export interface Norm {
  weight: Tensor; // (D)
  bias: Tensor; // (D)
}

/** Rows of one matrix or several, where their types differ. */
export interface Linear {
  weights: readonly WeightMatrix[]; // (N, K) in all
  bias: Tensor | undefined; // (N)
}

export interface FeedForward {
  norm: Norm;
  up: Linear; // (F, D)
  down: Linear; // (D, F)
}

export interface SelfAttention {
  norm: Norm;
  qkv: Linear; // (3D, D); the bias of keys may be zeros
  out: Linear; // (D, D)
}

export const rows: RowCount = { of: "tokens" };

/** Added to variances where a model does not say otherwise. */
export const defaultEpsilon = 1e-5;

export interface LinearOptions {
  activation?: MatmulActivation | undefined;
  /** Added to the result; may be `out` itself. */
  residual?: Tensor | undefined;
  /** Which rows of x to read, for the step's outputs. */
  xRows?: Tensor | undefined;
  /** Default: one for each of the step's tokens, or outputs with `xRows`. */
  rows?: RowCount | undefined;
}

/** out = activation(x · Wᵀ + bias) + residual */
export function linear(
  rec: Recording,
  x: Tensor,
  { weights, bias }: Linear,
  out: Tensor,
  label: string,
  { activation, residual, xRows, ...options }: LinearOptions = {},
): void {
  const outStride = out.shape.at(-1)!;
  const ownRows: RowCount = options.rows ?? (xRows ? { of: "outputs" } : rows);
  let outStart = 0;
  for (const weight of weights) {
    const input = { kind: "plain", width: weight.columns, tensor: x } as const;
    const output = { out, outStart, outStride, bias, activation, residual };
    matmul(rec, { x: input, weight, ...output, rows: ownRows, xRows }, label);
    outStart += weight.rows;
  }
}

export function norm(
  rec: Recording,
  x: Tensor,
  { weight, bias }: Norm,
  out: Tensor,
  label: string,
  { epsilon = defaultEpsilon, rows: ownRows = rows }: { epsilon?: number; rows?: RowCount } = {},
): void {
  layerNorm(rec, { x, weight, bias, epsilon, out, rows: ownRows }, label);
}

export interface LayerTraits {
  heads: number;
  epsilon?: number;
  activation?: MatmulActivation;
  /** What happens to queries and keys of (R, 3D) before they meet. */
  rotate?: ((rec: Recording, qkv: Tensor, label: string) => void) | undefined;
}

/** Activations that layers share. R rows. */
export interface LayerState {
  x: Tensor; // (R, D) residual stream
  normed: Tensor; // (R, D)
  qkv: Tensor; // (R, 3D)
  attended: Tensor; // (R, D)
  wide: Tensor; // (R, F)
}

/** x += out(attention(qkv(norm(x)))), every row to all rows */
export function recordSelfAttention(
  rec: Recording,
  attention: SelfAttention,
  s: LayerState,
  { heads, epsilon, rotate }: Pick<LayerTraits, "heads" | "epsilon" | "rotate">,
  label: string,
): void {
  const D = s.x.shape.at(-1)!;
  const headWidth = D / heads;
  norm(
    rec,
    s.x,
    attention.norm,
    s.normed,
    `${label} attention norm`,
    epsilon === undefined ? {} : { epsilon },
  );
  linear(rec, s.normed, attention.qkv, s.qkv, `${label} qkv`);
  rotate?.(rec, s.qkv, label);
  const head = (start: number) => ({ tensor: s.qkv, start, stride: 3 * D });
  const qkv = { q: head(0), k: head(D), v: head(2 * D), heads, headWidth };
  denseAttention(rec, { ...qkv, scale: 1 / Math.sqrt(headWidth), out: s.attended, rows }, label);
  linear(rec, s.attended, attention.out, s.x, `${label} attention out`, { residual: s.x });
}

/** x += down(gelu(up(norm(x)))) */
export function recordFeedForward(
  rec: Recording,
  { norm: own, up, down }: FeedForward,
  { x, normed, wide }: Pick<LayerState, "x" | "normed" | "wide">,
  label: string,
  { epsilon, activation = "gelu" }: Pick<LayerTraits, "epsilon" | "activation"> = {},
): void {
  norm(rec, x, own, normed, `${label} mlp norm`, epsilon === undefined ? {} : { epsilon });
  linear(rec, normed, up, wide, `${label} up`, { activation });
  linear(rec, wide, down, x, `${label} down`, { residual: x });
}

/** Names loaded tensors as these layers want them. The loader has checked that they are there, with their shapes. */
export function layerWeights(loaded: LoadedWeights) {
  const vector = (name: string) => loaded.vectors.get(name)!;
  return {
    vector,
    /** A vector as rows. */
    table: (name: string, columns: number): Tensor => {
      const tensor = vector(name);
      return { ...tensor, shape: [tensor.shape[0]! / columns, columns] };
    },
    norm: (name: string): Norm => ({ weight: vector(`${name}.weight`), bias: vector(`${name}.bias`) }),
    linear: (name: string): Linear => ({
      weights: loaded.joined.get(`${name}.weight`) ?? [loaded.matrices.get(`${name}.weight`)!],
      bias: loaded.vectors.get(`${name}.bias`),
    }),
  };
}
