/**
 * The llama-like decoder block: pre-RMSNorm, grouped-query attention with RoPE, SwiGLU, no bias unless the file has one.
 * Shapes as in `gpu/tensor.ts`.
 */

import { attention } from "../../kernels/attention.ts";
import { kvAppend } from "../../kernels/kvAppend.ts";
import type { KvCache } from "../../kernels/kvCache.ts";
import { matmul } from "../../kernels/matmul.ts";
import { rmsNorm } from "../../kernels/rmsNorm.ts";
import { rope } from "../../kernels/rope.ts";
import { activationMatrix, rowFetch } from "../../kernels/rowFetch.ts";
import { swiglu } from "../../kernels/swiglu.ts";
import type { BufferArena } from "../gpu/buffers.ts";
import type { Recording } from "../gpu/recording.ts";
import type { Tensor, WeightMatrix } from "../gpu/tensor.ts";
import type { LoadedWeights, TensorRequest } from "../weights/types.ts";
import type { DecoderConfig } from "./config.ts";

export interface LayerWeights {
  attentionNorm: Tensor; // (D)
  query: WeightMatrix; // (H*E, D)
  key: WeightMatrix; // (K*E, D)
  value: WeightMatrix; // (K*E, D)
  queryBias: Tensor | undefined; // (H*E)
  keyBias: Tensor | undefined; // (K*E)
  valueBias: Tensor | undefined; // (K*E)
  queryNorm: Tensor | undefined; // (E)
  keyNorm: Tensor | undefined; // (E)
  attentionOutput: WeightMatrix; // (D, H*E)
  feedForwardNorm: Tensor; // (D)
  gate: WeightMatrix; // (F, D)
  up: WeightMatrix; // (F, D)
  down: WeightMatrix; // (D, F)
}

export interface DecoderWeights {
  tokenEmbedding: WeightMatrix; // (V, D)
  layers: LayerWeights[];
  outputNorm: Tensor; // (D)
  output: WeightMatrix; // (V, D); the embedding itself where the file ties them
  ropeFactors: Tensor | undefined; // (ropeWidth / 2)
}

/** What a step reads: filled by the engine before each replay. All u32. */
export interface StepInputs {
  tokens: Tensor; // (T)
  positions: Tensor; // (T) for RoPE
  slots: Tensor; // (T) where keys and values go: page * pageSize + offset
  sequences: Tensor; // (T) row of the page table
  lengths: Tensor; // (T) cached positions this token sees, itself included
  pageTable: Tensor; // (B, pages per sequence)
  outputRows: Tensor; // (R) which of the T tokens' logits are wanted
}

/** Activations, f32. */
export interface DecoderState {
  x: Tensor; // (T, D) residual stream
  normed: Tensor; // (T, D)
  q: Tensor; // (T, H, E)
  k: Tensor; // (T, K, E)
  v: Tensor; // (T, K, E)
  attended: Tensor; // (T, H, E)
  /** Partial results of decode attention over a long cache, where that is split. */
  attentionScratch?: Tensor | undefined;
  gate: Tensor; // (T, F)
  up: Tensor; // (T, F)
  outputX: Tensor; // (R, D)
  logits: Tensor; // (R, V)
}

/** The tensors a decoder wants from its file. */
export function decoderTensors(config: DecoderConfig): TensorRequest[] {
  const { width: D, heads: H, kvHeads: K, headWidth: E, feedForwardWidth: F, vocab: V } = config;
  const matrix = (name: string, rows: number, columns: number, optional = false): TensorRequest => ({
    name: `${name}.weight`,
    kind: "matrix",
    shape: [rows, columns],
    optional,
  });
  const vector = (name: string, length: number, optional = false): TensorRequest => ({
    name,
    kind: "vector",
    shape: [length],
    optional,
  });
  const layers = Array.from({ length: config.layers }, (_, i) => `blk.${i}`);
  return [
    matrix("token_embd", V, D),
    matrix("output", V, D, true),
    vector("output_norm.weight", D),
    vector("rope_freqs.weight", config.rope.width / 2, true),
    ...layers.flatMap((layer) => [
      vector(`${layer}.attn_norm.weight`, D),
      matrix(`${layer}.attn_q`, H * E, D),
      matrix(`${layer}.attn_k`, K * E, D),
      matrix(`${layer}.attn_v`, K * E, D),
      vector(`${layer}.attn_q.bias`, H * E, true),
      vector(`${layer}.attn_k.bias`, K * E, true),
      vector(`${layer}.attn_v.bias`, K * E, true),
      ...(config.headNorm
        ? [vector(`${layer}.attn_q_norm.weight`, E), vector(`${layer}.attn_k_norm.weight`, E)]
        : []),
      matrix(`${layer}.attn_output`, D, H * E),
      vector(`${layer}.ffn_norm.weight`, D),
      matrix(`${layer}.ffn_gate`, F, D),
      matrix(`${layer}.ffn_up`, F, D),
      matrix(`${layer}.ffn_down`, D, F),
    ]),
  ];
}

/** Names the loaded tensors. The loader has checked that all but optional ones are there, with these shapes. */
export function decoderWeights(config: DecoderConfig, { matrices, vectors }: LoadedWeights): DecoderWeights {
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
        query: matrix(`${layer}.attn_q`),
        key: matrix(`${layer}.attn_k`),
        value: matrix(`${layer}.attn_v`),
        queryBias: vectors.get(`${layer}.attn_q.bias`),
        keyBias: vectors.get(`${layer}.attn_k.bias`),
        valueBias: vectors.get(`${layer}.attn_v.bias`),
        queryNorm: vectors.get(`${layer}.attn_q_norm.weight`),
        keyNorm: vectors.get(`${layer}.attn_k_norm.weight`),
        attentionOutput: matrix(`${layer}.attn_output`),
        feedForwardNorm: vector(`${layer}.ffn_norm.weight`),
        gate: matrix(`${layer}.ffn_gate`),
        up: matrix(`${layer}.ffn_up`),
        down: matrix(`${layer}.ffn_down`),
      };
    }),
  };
}

/** Activations for steps of up to T tokens with up to R output rows. */
export function decoderState(config: DecoderConfig, arena: BufferArena, T: number, R: number): DecoderState {
  const { width: D, heads: H, kvHeads: K, headWidth: E, feedForwardWidth: F, vocab: V } = config;
  return {
    x: arena.tensor("x", "f32", [T, D]),
    normed: arena.tensor("normed", "f32", [T, D]),
    q: arena.tensor("q", "f32", [T, H, E]),
    k: arena.tensor("k", "f32", [T, K, E]),
    v: arena.tensor("v", "f32", [T, K, E]),
    attended: arena.tensor("attended", "f32", [T, H, E]),
    gate: arena.tensor("gate", "f32", [T, F]),
    up: arena.tensor("up", "f32", [T, F]),
    outputX: arena.tensor("outputX", "f32", [R, D]),
    logits: arena.tensor("logits", "f32", [R, V]),
  };
}

/** Token ids to the residual stream after the last layer; keys and values go to the caches (one per layer). */
export function recordLayers(
  rec: Recording,
  config: DecoderConfig,
  weights: DecoderWeights,
  inputs: StepInputs,
  caches: readonly KvCache[],
  s: DecoderState,
): void {
  const { width, heads, kvHeads, headWidth, rmsEpsilon: eps } = config;
  const rows = { of: "tokens" } as const;
  const rotate = (x: Tensor, count: number, label: string) =>
    rope(
      rec,
      {
        x,
        positions: inputs.positions,
        heads: count,
        headWidth,
        ropeWidth: config.rope.width,
        mode: config.rope.mode,
        thetaBase: config.rope.thetaBase,
        frequencyFactors: weights.ropeFactors,
        positionScale: config.rope.positionScale,
        rows,
      },
      label,
    );
  const headNorm = (x: Tensor, weight: Tensor, count: number, label: string) =>
    rmsNorm(rec, { x, weight, out: x, width: headWidth, eps, rows: { of: "tokens", times: count } }, label);

  rowFetch(rec, { table: weights.tokenEmbedding, ids: inputs.tokens, out: s.x, rows }, "token_embd");
  weights.layers.forEach((w, i) => {
    const at = (name: string) => `blk.${i}.${name}`;
    const cache = caches[i]!;
    rmsNorm(rec, { x: s.x, weight: w.attentionNorm, out: s.normed, width, eps, rows }, at("attn_norm"));
    matmul(rec, { x: s.normed, weight: w.query, bias: w.queryBias, out: s.q, rows }, at("attn_q"));
    matmul(rec, { x: s.normed, weight: w.key, bias: w.keyBias, out: s.k, rows }, at("attn_k"));
    matmul(rec, { x: s.normed, weight: w.value, bias: w.valueBias, out: s.v, rows }, at("attn_v"));
    if (w.queryNorm) headNorm(s.q, w.queryNorm, heads, at("attn_q_norm"));
    if (w.keyNorm) headNorm(s.k, w.keyNorm, kvHeads, at("attn_k_norm"));
    rotate(s.q, heads, at("rope_q"));
    rotate(s.k, kvHeads, at("rope_k"));
    kvAppend(rec, { k: s.k, v: s.v, slots: inputs.slots, cache, rows }, at("kv_append"));
    attention(
      rec,
      {
        q: s.q,
        cache,
        pageTable: inputs.pageTable,
        sequences: inputs.sequences,
        lengths: inputs.lengths,
        out: s.attended,
        scratch: s.attentionScratch,
        heads,
        scale: 1 / Math.sqrt(headWidth),
        rows,
      },
      at("attention"),
    );
    matmul(
      rec,
      { x: s.attended, weight: w.attentionOutput, residual: s.x, out: s.x, rows },
      at("attn_output"),
    );
    rmsNorm(rec, { x: s.x, weight: w.feedForwardNorm, out: s.normed, width, eps, rows }, at("ffn_norm"));
    matmul(rec, { x: s.normed, weight: w.gate, out: s.gate, rows }, at("ffn_gate"));
    matmul(rec, { x: s.normed, weight: w.up, out: s.up, rows }, at("ffn_up"));
    swiglu(rec, { gate: s.gate, up: s.up, out: s.gate, width: config.feedForwardWidth, rows }, at("swiglu"));
    matmul(rec, { x: s.gate, weight: w.down, residual: s.x, out: s.x, rows }, at("ffn_down"));
  });
}

/** The wanted rows of the residual stream to logits (R, V). */
export function recordHead(
  rec: Recording,
  config: DecoderConfig,
  weights: DecoderWeights,
  inputs: StepInputs,
  s: DecoderState,
): void {
  const rows = { of: "outputs" } as const;
  const { width, rmsEpsilon: eps } = config;
  rowFetch(
    rec,
    { table: activationMatrix(s.x), ids: inputs.outputRows, out: s.outputX, rows },
    "output_rows",
  );
  rmsNorm(rec, { x: s.outputX, weight: weights.outputNorm, out: s.outputX, width, eps, rows }, "output_norm");
  matmul(rec, { x: s.outputX, weight: weights.output, out: s.logits, rows }, "output");
}
