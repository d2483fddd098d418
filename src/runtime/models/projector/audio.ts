/**
 * The audio encoder of projectors with Whisper's spectrum: two convolutions of which one or both halve the time, learned
 * positions, pre-LayerNorm layers. Source: Radford et al. 2022, arXiv:2212.04356.
 */

import { conv1d } from "../../../kernels/encoder/conv.ts";
import { logMel, logMelLargestShape, logMelTables, whisperSpec } from "../../../kernels/spectrum/logMel.ts";
import type { BufferArena } from "../../gpu/buffers.ts";
import type { Recording } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { GgufHeader, LoadedWeights, TensorRequest } from "../../weights/types.ts";
import { type Linear, layerWeights, type Norm, rows } from "../encoder/layers.ts";
import {
  type EncoderLayer,
  type EncoderSizes,
  encoderLayers,
  layerRequests,
  layerState,
  matrixRequest,
  normRequests,
  recordEncoderLayers,
  vectorRequest,
} from "./vision.ts";

/** Samples of a frame of the spectrum, at 16 kHz. */
export const frameSamples = 160;
/** Frames of a position: the second convolution has stride 2. */
export const positionFrames = ({ firstStride }: Pick<AudioConfig, "firstStride">) => 2 * firstStride;

export interface AudioConfig extends EncoderSizes {
  melBins: number;
  /** Of the first convolution: 1 as Whisper has it, whose files have their kernels channel by channel; 2 tap by tap. */
  firstStride: 1 | 2;
  /** Frames of the spectrum of a window. */
  frames: number;
}

export interface AudioWeights {
  conv1: Linear; // (D, 3 · bins)
  conv2: Linear; // (D, 3 · D)
  positions: Tensor; // (N, D)
  layers: EncoderLayer[];
  postNorm: Norm;
}

export function audioRequests(header: GgufHeader, config: AudioConfig): TensorRequest[] {
  const { width: D, melBins, frames, firstStride } = config;
  const order = firstStride === 1 ? { taps: 3 } : { flat: true };
  const conv = (name: string, channels: number): TensorRequest[] => [
    { ...matrixRequest(name, D, 3 * channels), ...order },
    vectorRequest(`${name}.bias`, D),
  ];
  // Whisper's keys have no bias.
  const layers = layerRequests(header, "a", config).map((request) =>
    firstStride === 1 && request.name.endsWith(".attn_k.bias")
      ? ({ ...request, optional: "zeros" } as const)
      : request,
  );
  return [
    ...conv("a.conv1d.1", melBins),
    ...conv("a.conv1d.2", D),
    vectorRequest("a.position_embd.weight", frames / positionFrames(config), D),
    ...layers,
    ...normRequests("a.post_ln", D),
  ];
}

export function audioWeights(header: GgufHeader, config: AudioConfig, loaded: LoadedWeights): AudioWeights {
  const named = layerWeights(loaded);
  return {
    conv1: named.linear("a.conv1d.1"),
    conv2: named.linear("a.conv1d.2"),
    positions: named.table("a.position_embd.weight", config.width),
    layers: encoderLayers(header, loaded, "a", config),
    postNorm: named.norm("a.post_ln"),
  };
}

/** A window of samples to its features. For steps of as many tokens as it has positions, N. @returns (N, D) */
export function recordAudio(
  rec: Recording,
  config: AudioConfig,
  weights: AudioWeights,
  arena: BufferArena,
  samples: Tensor,
): Tensor {
  const { melBins, frames, width: D, firstStride } = config;
  const perPosition = positionFrames(config);
  const spec = whisperSpec(melBins);
  const values = logMelTables(spec);
  const tables = arena.tensor("audio tables", "f32", [values.length]);
  rec.gpu.device.queue.writeBuffer(tables.buffer, tables.offsetBytes, values);
  const largest = arena.tensor("audio largest", "f32", logMelLargestShape(frames));
  const mel = arena.tensor("audio mel", "f32", [frames, melBins]);
  const shorter = arena.tensor("audio shorter", "f32", [frames / firstStride, D]);
  const state = layerState(arena, "audio", frames / perPosition, config);
  const times = (count: number) => ({ of: "tokens", times: count }) as const;
  logMel(rec, { samples, spec, tables, largest, out: mel, rows: times(perPosition) }, "audio");
  const conv = ({ weights: [weight], bias }: Linear) =>
    ({ weight: weight!, bias, activation: "gelu" }) as const;
  const first = { ...conv(weights.conv1), x: mel, channels: melBins, stride: firstStride };
  conv1d(rec, { ...first, out: shorter, rows: times(2) }, "audio 1");
  const residual = weights.positions;
  const second = { ...conv(weights.conv2), x: shorter, channels: D, stride: 2 } as const;
  conv1d(rec, { ...second, out: state.x, rows, residual }, "audio 2");
  recordEncoderLayers(rec, weights.layers, weights.postNorm, state, config, "audio");
  return state.normed;
}
