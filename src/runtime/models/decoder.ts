/**
 * The llama-like decoder block: pre-RMSNorm, grouped-query attention with RoPE, SwiGLU or GeGLU, no bias unless the file has one.
 * Shapes as in `gpu/tensor.ts`.
 */

import type { ActivationKind } from "../../kernels/activations.ts";
import type { HeadNorm } from "../../kernels/attention.ts";
import { isPackable } from "../../kernels/formats/formats.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Tensor, WeightMatrix } from "../gpu/tensor.ts";
import type { LoadedWeights, TensorRequest } from "../weights/types.ts";
import type { DecoderConfig } from "./config.ts";

export interface LayerWeights {
  attentionNorm: Tensor; // (D)
  /** Rows of q, k and v in this order, in as few matrices as their types allow. */
  qkv: readonly WeightMatrix[]; // ((H + 2K)·E, D) in all
  qkvBias: Tensor | undefined; // ((H + 2K)·E)
  headNorm: HeadNorm | undefined;
  attentionOutput: WeightMatrix; // (D, H·E)
  /** Of what attention adds, and of what the feed-forward adds, where the model has them. */
  postNorms: { attention: Tensor; feedForward: Tensor } | undefined; // (D)
  feedForwardNorm: Tensor; // (D)
  /** Rows of gate, then of up. */
  gateUp: readonly WeightMatrix[]; // (2F, D) in all
  down: WeightMatrix; // (D, F)
}

export interface DecoderWeights {
  tokenEmbedding: WeightMatrix; // (V, D)
  layers: LayerWeights[];
  outputNorm: Tensor; // (D)
  output: WeightMatrix; // (V, D); the embedding itself where the file ties them
  ropeFactors: Tensor | undefined; // (ropeWidth / 2)
}

/** What the matmuls over these weights read: packed rows where all of them can, and the adapter gains by it. */
export function activationKind(
  { packsActivations }: Gpu,
  ...weights: readonly WeightMatrix[]
): ActivationKind {
  return packsActivations && weights.every(({ type }) => isPackable(type)) ? "packed" : "float";
}

/** The tensors a decoder wants from its file. */
export function decoderTensors(config: DecoderConfig): TensorRequest[] {
  const { width: D, heads: H, kvHeads: K, headWidth: E, feedForwardWidth: F, vocab: V } = config;
  const matrix = (name: string, rows: number, columns: number, joined?: string): TensorRequest => ({
    ...{ name: `${name}.weight`, kind: "matrix", shape: [rows, columns] },
    ...(joined !== undefined && { joined }),
  });
  const vector = (name: string, length: number, joined?: string): TensorRequest => ({
    ...{ name, kind: "vector", shape: [length] },
    ...(joined !== undefined && { joined }),
  });
  const optional = (request: TensorRequest): TensorRequest => ({ ...request, optional: true });
  const layers = Array.from({ length: config.layers }, (_, i) => `blk.${i}`);
  return [
    matrix("token_embd", V, D),
    optional(matrix("output", V, D)),
    vector("output_norm.weight", D),
    optional(vector("rope_freqs.weight", config.rope.width / 2)),
    ...layers.flatMap((layer) => [
      vector(`${layer}.attn_norm.weight`, D),
      matrix(`${layer}.attn_q`, H * E, D, `${layer}.qkv`),
      matrix(`${layer}.attn_k`, K * E, D, `${layer}.qkv`),
      matrix(`${layer}.attn_v`, K * E, D, `${layer}.qkv`),
      optional(vector(`${layer}.attn_q.bias`, H * E, `${layer}.qkv.bias`)),
      optional(vector(`${layer}.attn_k.bias`, K * E, `${layer}.qkv.bias`)),
      optional(vector(`${layer}.attn_v.bias`, K * E, `${layer}.qkv.bias`)),
      ...(config.headNorm
        ? [
            vector(`${layer}.attn_q_norm.weight`, E, `${layer}.qk_norm`),
            vector(`${layer}.attn_k_norm.weight`, E, `${layer}.qk_norm`),
          ]
        : []),
      matrix(`${layer}.attn_output`, D, H * E),
      ...(config.postNorms
        ? [vector(`${layer}.post_attention_norm.weight`, D), vector(`${layer}.post_ffw_norm.weight`, D)]
        : []),
      vector(`${layer}.ffn_norm.weight`, D),
      matrix(`${layer}.ffn_gate`, F, D, `${layer}.gate_up`),
      matrix(`${layer}.ffn_up`, F, D, `${layer}.gate_up`),
      matrix(`${layer}.ffn_down`, D, F),
    ]),
  ];
}

/** Names the loaded tensors. The loader has checked that all but optional ones are there, with these shapes. */
export function decoderWeights(config: DecoderConfig, loaded: LoadedWeights): DecoderWeights {
  const { matrices, joined, vectors } = loaded;
  const matrix = (name: string) => matrices.get(`${name}.weight`)!;
  const vector = (name: string) => vectors.get(name)!;
  return {
    tokenEmbedding: matrix("token_embd"),
    output: matrices.get("output.weight") ?? matrix("token_embd"),
    outputNorm: vector("output_norm.weight"),
    ropeFactors: vectors.get("rope_freqs.weight"),
    layers: Array.from({ length: config.layers }, (_, i): LayerWeights => {
      const layer = `blk.${i}`;
      return {
        attentionNorm: vector(`${layer}.attn_norm.weight`),
        qkv: joined.get(`${layer}.qkv`)!,
        qkvBias: vectors.get(`${layer}.qkv.bias`),
        headNorm: config.headNorm
          ? { weights: vector(`${layer}.qk_norm`), eps: config.rmsEpsilon }
          : undefined,
        attentionOutput: matrix(`${layer}.attn_output`),
        postNorms: config.postNorms
          ? {
              attention: vector(`${layer}.post_attention_norm.weight`),
              feedForward: vector(`${layer}.post_ffw_norm.weight`),
            }
          : undefined,
        feedForwardNorm: vector(`${layer}.ffn_norm.weight`),
        gateUp: joined.get(`${layer}.gate_up`)!,
        down: matrix(`${layer}.ffn_down`),
      };
    }),
  };
}
