/**
 * Whisper's decoder as recordings: tokens at given positions to logits. Its own keys and values lie in a table by position,
 * those of the audio are made once a window. Source: `TextDecoder` in openai/whisper's model.py.
 */

import {
  type CrossAttentionScratch,
  crossAttention,
  crossAttentionScratchShapes,
} from "../../../kernels/encoder/crossAttention.ts";
import { attentionScratch, cachedAttention } from "../../../kernels/seq2seq/cachedAttention.ts";
import { placeRows } from "../../../kernels/seq2seq/placeRows.ts";
import { textEmbedding } from "../../../kernels/seq2seq/textEmbedding.ts";
import type { BufferArena } from "../../gpu/buffers.ts";
import type { Gpu } from "../../gpu/device.ts";
import type { Recording } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { linear, norm, recordFeedForward, rows } from "../encoder/layers.ts";
import type { WhisperConfig } from "./config.ts";
import type { AudioCache } from "./encoder.ts";
import type { WhisperWeights } from "./weights.ts";

/** T: the largest step, R: rows whose logits are wanted. */
export interface DecoderState {
  ids: Tensor; // (T) u32
  positions: Tensor; // (T) u32
  outputRows: Tensor; // (R) u32
  x: Tensor; // (T, D) residual stream
  normed: Tensor; // (T, D)
  qkv: Tensor; // (T, 3D)
  q: Tensor; // (T, D)
  attended: Tensor; // (T, D)
  wide: Tensor; // (T, F)
  scratch: Tensor;
  crossScratch: CrossAttentionScratch;
  logits: Tensor; // (R, V)
  /** One for each layer, by position: keys, then values. */
  caches: Tensor[]; // (textContext, 2D)
}

export function decoderState(gpu: Gpu, config: WhisperConfig, arena: BufferArena, R: number): DecoderState {
  const {
    textContext: T,
    audioContext: S,
    width: D,
    textFeedForward: F,
    vocab: V,
    textHeads: heads,
  } = config;
  const headWidth = D / heads;
  const splits = crossAttentionScratchShapes(gpu.software, T, { heads, headWidth, positions: S });
  return {
    ids: arena.tensor("ids", "u32", [T]),
    positions: arena.tensor("positions", "u32", [T]),
    outputRows: arena.tensor("output rows", "u32", [R]),
    x: arena.tensor("x", "f32", [T, D]),
    normed: arena.tensor("normed", "f32", [T, D]),
    qkv: arena.tensor("qkv", "f32", [T, 3 * D]),
    q: arena.tensor("cross q", "f32", [T, D]),
    attended: arena.tensor("attended", "f32", [T, D]),
    wide: arena.tensor("wide", "f32", [T, F]),
    scratch: arena.tensor("scratch", "f32", [attentionScratch(T, heads, headWidth, Math.max(T, S))]),
    crossScratch: {
      parts: arena.tensor("cross parts", "f32", splits.parts),
      sums: arena.tensor("cross sums", "f32", splits.sums),
    },
    logits: arena.tensor("logits", "f32", [R, V]),
    caches: Array.from({ length: config.textLayers }, (_, i) =>
      arena.tensor(`cache ${i}`, "f32", [T, 2 * D]),
    ),
  };
}

export interface DecoderParts {
  config: WhisperConfig;
  weights: WhisperWeights;
  state: DecoderState;
  /** What the encoder has left, for each layer. */
  audio: readonly AudioCache[];
}

/** Tokens to the residual stream before the first layer. */
export function recordEmbedding(rec: Recording, { weights, state: s }: DecoderParts): void {
  const tables = { table: weights.tokenEmbedding, positionTable: weights.textPositions };
  textEmbedding(rec, { ...tables, ids: s.ids, positions: s.positions, out: s.x, rows }, "decoder");
}

/** Layer `i`. @param scores (T, H, S): where its attention to the audio is kept, before the softmax */
export function recordLayer(rec: Recording, parts: DecoderParts, i: number, scores?: Tensor): void {
  const { config, weights, state: s, audio } = parts;
  const { width: D, textHeads: heads, audioContext, textContext } = config;
  const { attention, cross, feedForward } = weights.textLayers[i]!;
  const label = `decoder.blocks.${i}`;
  const headWidth = D / heads;
  const shared = { heads, headWidth, scale: 1 / Math.sqrt(headWidth), out: s.attended, rows };
  norm(rec, s.x, attention.norm, s.normed, `${label}.attn_ln`);
  linear(rec, s.normed, attention.qkv, s.qkv, `${label}.attn.qkv`);
  const cache = s.caches[i]!;
  placeRows(rec, { x: s.qkv, start: D, places: s.positions, cache, rows }, `${label}.attn.kv`);
  const own = {
    ...{ q: { tensor: s.qkv, stride: 3 * D }, keys: textContext, positions: s.positions },
    ...{ k: { tensor: cache, stride: 2 * D }, v: { tensor: cache, start: D, stride: 2 * D } },
  };
  cachedAttention(rec, { ...shared, ...own, scratch: s.scratch }, `${label}.attn`);
  linear(rec, s.attended, attention.out, s.x, `${label}.attn.out`, { residual: s.x });

  norm(rec, s.x, cross.norm, s.normed, `${label}.cross_attn_ln`);
  linear(rec, s.normed, cross.q, s.q, `${label}.cross_attn.query`);
  const q = { tensor: s.q };
  const { keys, values } = audio[i]!;
  if (scores) {
    const kept = { q, k: { tensor: keys }, v: { tensor: values }, keys: audioContext, scores };
    cachedAttention(rec, { ...shared, ...kept, scratch: s.scratch }, `${label}.cross_attn`);
  } else crossAttention(rec, { ...shared, q, keys, values, scratch: s.crossScratch }, `${label}.cross_attn`);
  linear(rec, s.attended, cross.out, s.x, `${label}.cross_attn.out`, { residual: s.x });
  recordFeedForward(rec, feedForward, s, label);
}

/** The wanted rows of the residual stream to logits (R, V). */
export function recordHead(rec: Recording, { weights, state: s }: DecoderParts): void {
  norm(rec, s.x, weights.textNorm, s.normed, "decoder.ln");
  const head = { weights: [weights.tokenEmbedding], bias: undefined };
  linear(rec, s.normed, head, s.logits, "decoder.head", { xRows: s.outputRows });
}
