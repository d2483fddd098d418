/**
 * Whisper's encoder as a recording: a window's spectrum to the keys and values that each layer of the decoder attends to.
 * Source: Radford et al. 2022, arXiv:2212.04356, section 2.2; `AudioEncoder` in openai/whisper's model.py.
 */

import { conv1d } from "../../../kernels/encoder/conv.ts";
import { denseAttention } from "../../../kernels/encoder/denseAttention.ts";
import type { BufferArena } from "../../gpu/buffers.ts";
import type { Recording } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { WhisperConfig } from "./config.ts";
import { linear, norm, recordFeedForward, rows } from "./layers.ts";
import type { Linear, WhisperWeights } from "./weights.ts";

/** S positions, C mel bins. */
export interface EncoderState {
  mel: Tensor; // (2S, C)
  frames: Tensor; // (2S, D) after the first convolution
  x: Tensor; // (S, D) residual stream
  normed: Tensor; // (S, D)
  qkv: Tensor; // (S, 3D)
  attended: Tensor; // (S, D)
  wide: Tensor; // (S, F)
  /** One for each layer of the decoder: keys, then values. */
  crossKv: Tensor[]; // (S, 2D)
}

export function encoderState(config: WhisperConfig, arena: BufferArena): EncoderState {
  const { audioContext: S, width: D, melBins: C, audioFeedForward: F } = config;
  return {
    mel: arena.tensor("mel", "f32", [2 * S, C]),
    frames: arena.tensor("frames", "f32", [2 * S, D]),
    x: arena.tensor("encoder x", "f32", [S, D]),
    normed: arena.tensor("encoder normed", "f32", [S, D]),
    qkv: arena.tensor("encoder qkv", "f32", [S, 3 * D]),
    attended: arena.tensor("encoder attended", "f32", [S, D]),
    wide: arena.tensor("encoder wide", "f32", [S, F]),
    crossKv: Array.from({ length: config.textLayers }, (_, i) => arena.tensor(`cross ${i}`, "f32", [S, 2 * D])),
  };
}

/** @param rec for steps of S tokens */
export function recordEncoder(rec: Recording, config: WhisperConfig, weights: WhisperWeights, s: EncoderState): void {
  const { width: D, audioHeads: heads, melBins } = config;
  const headWidth = D / heads;
  const conv = ({ weights: [weight], bias }: Linear) => ({ weight: weight!, bias, activation: "gelu" }) as const;
  const frameRows = { of: "tokens", times: 2 } as const;
  const first = { ...conv(weights.conv1), x: s.mel, stride: 1, channels: melBins, out: s.frames, rows: frameRows } as const;
  conv1d(rec, first, "encoder.conv1");
  const second = { ...conv(weights.conv2), x: s.frames, stride: 2, channels: D, out: s.x, rows } as const;
  conv1d(rec, { ...second, residual: weights.audioPositions }, "encoder.conv2");
  weights.audioLayers.forEach(({ attention, feedForward }, i) => {
    const label = `encoder.blocks.${i}`;
    norm(rec, s.x, attention.norm, s.normed, `${label}.attn_ln`);
    linear(rec, s.normed, attention.qkv, s.qkv, `${label}.attn.qkv`);
    const head = (start: number) => ({ tensor: s.qkv, start, stride: 3 * D });
    const qkv = { q: head(0), k: head(D), v: head(2 * D), heads, headWidth };
    denseAttention(rec, { ...qkv, scale: 1 / Math.sqrt(headWidth), out: s.attended, rows }, `${label}.attn`);
    linear(rec, s.attended, attention.out, s.x, `${label}.attn.out`, { residual: s.x });
    recordFeedForward(rec, feedForward, s, label);
  });
  norm(rec, s.x, weights.audioNorm, s.normed, "encoder.ln_post");
  weights.textLayers.forEach(({ cross }, i) => {
    linear(rec, s.normed, cross.kv, s.crossKv[i]!, `decoder.blocks.${i}.cross_attn.kv`);
  });
}
