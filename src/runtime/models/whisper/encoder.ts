/**
 * Whisper's encoder as a recording: a window's samples to the keys and values that each layer of the decoder attends to.
 * Source: Radford et al. 2022, arXiv:2212.04356, section 2.2; `AudioEncoder` in openai/whisper's model.py.
 */

import { conv1d } from "../../../kernels/encoder/conv.ts";
import { packHalves } from "../../../kernels/encoder/packHalves.ts";
import { plainRowsTensor } from "../../../kernels/plainRows.ts";
import { logMel, logMelLargestShape, logMelTables, whisperSpec } from "../../../kernels/spectrum/logMel.ts";
import type { BufferArena } from "../../gpu/buffers.ts";
import type { Gpu } from "../../gpu/device.ts";
import type { Recording } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import {
  type Linear,
  linear,
  norm,
  recordFeedForward,
  recordSelfAttention,
  rows,
} from "../encoder/layers.ts";
import type { WhisperConfig } from "./config.ts";
import type { WhisperWeights } from "./weights.ts";

/** Samples of the audio, at 16 kHz, for each position: 0.02 s. */
export const samplesPerPosition = 320;

/** S positions, C mel bins. */
export interface EncoderState {
  samples: Tensor; // (S · 320)
  /** For the spectrum: see `logMel`. */
  tables: Tensor;
  largest: Tensor;
  mel: Tensor; // (2S, C)
  frames: Tensor; // (2S, D) after the first convolution
  x: Tensor; // (S, D) residual stream
  normed: Tensor; // (S, D)
  qkv: Tensor; // (S, 3D)
  attended: Tensor; // (S, D); at the end keys and values on their way
  wide: Tensor; // (S, F)
  /** For each layer of the decoder. */
  audio: AudioCache[];
}

/** What a layer of the decoder attends to, as f16: every token reads all of it. */
export interface AudioCache {
  keys: Tensor; // (1, S, D)
  values: Tensor; // (1, S, D)
}

export function encoderState(gpu: Gpu, config: WhisperConfig, arena: BufferArena): EncoderState {
  const { audioContext: S, width: D, melBins: C, audioFeedForward: F } = config;
  const tables = logMelTables(whisperSpec(C));
  const state = {
    samples: arena.tensor("samples", "f32", [S * samplesPerPosition]),
    tables: arena.tensor("spectrum tables", "f32", [tables.length]),
    largest: arena.tensor("spectrum largest", "f32", logMelLargestShape(2 * S)),
    mel: arena.tensor("mel", "f32", [2 * S, C]),
    frames: arena.tensor("frames", "f32", [2 * S, D]),
    x: plainRowsTensor(arena, "encoder x", S, D),
    normed: plainRowsTensor(arena, "encoder normed", S, D),
    qkv: arena.tensor("encoder qkv", "f32", [S, 3 * D]),
    attended: plainRowsTensor(arena, "encoder attended", S, D),
    wide: plainRowsTensor(arena, "encoder wide", S, F),
    audio: Array.from({ length: config.textLayers }, (_, i) => ({
      keys: arena.tensor(`audio keys ${i}`, "f16", [1, S, D]),
      values: arena.tensor(`audio values ${i}`, "f16", [1, S, D]),
    })),
  };
  gpu.device.queue.writeBuffer(state.tables.buffer, 0, tables);
  return state;
}

/** @param rec for steps of S tokens */
export function recordEncoder(
  rec: Recording,
  config: WhisperConfig,
  weights: WhisperWeights,
  s: EncoderState,
): void {
  const { audioContext: S, width: D, audioHeads: heads, melBins } = config;
  const conv = ({ weights: [weight], bias }: Linear) =>
    ({ weight: weight!, bias, activation: "gelu" }) as const;
  const frameRows = { of: "tokens", times: 2 } as const;
  const spectrum = { samples: s.samples, spec: whisperSpec(melBins), tables: s.tables, largest: s.largest };
  logMel(rec, { ...spectrum, out: s.mel, rows: frameRows }, "encoder");
  const first = {
    ...conv(weights.conv1),
    x: s.mel,
    stride: 1,
    channels: melBins,
    out: s.frames,
    rows: frameRows,
  } as const;
  conv1d(rec, first, "encoder.conv1");
  const second = { ...conv(weights.conv2), x: s.frames, stride: 2, channels: D, out: s.x, rows } as const;
  conv1d(rec, { ...second, residual: weights.audioPositions }, "encoder.conv2");
  weights.audioLayers.forEach(({ attention, feedForward }, i) => {
    const label = `encoder.blocks.${i}`;
    recordSelfAttention(rec, attention, s, { heads }, label);
    recordFeedForward(rec, feedForward, s, label);
  });
  norm(rec, s.x, weights.audioNorm, s.normed, "encoder.ln_post");
  weights.textLayers.forEach(({ cross }, i) => {
    const { keys, values } = s.audio[i]!;
    for (const [name, projection, out] of [
      ["key", cross.k, keys],
      ["value", cross.v, values],
    ] as const) {
      const label = `decoder.blocks.${i}.cross_attn.${name}`;
      linear(rec, s.normed, projection, s.attended, label);
      packHalves(rec, { x: s.attended, width: D, out: { ...out, shape: [S, D] }, rows }, label);
    }
  });
}
