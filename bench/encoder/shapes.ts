/** The encoders that are measured: their sizes, and what is encoded. Weights are random, the same here and in the peer's file. */

import { randomWeights, seededRandom } from "../../src/runtime/weights/testing/random.ts";
import { cutTiny } from "../../src/runtime/weights/testing/whisperFiles.ts";

export const encoderNames = ["whisper-tiny", "siglip-b16"] as const;
export type EncoderName = (typeof encoderNames)[number];

/** Of our weights. */
export const encoderTypes = ["f32", "f16", "q8_0"] as const;
export type EncoderType = (typeof encoderTypes)[number];

export interface EncoderShape {
  /** What is encoded in a run, and how much of it. */
  unit: "seconds of audio" | "images";
  amount: number;
  /** Numbers of the result. */
  outputs: number;
}

/** Whisper tiny's encoder, and a decoder that is not used. */
export const whisperTiny = { ...cutTiny, audioContext: 1500, audioLayers: 4 };

/** SmolVLM-256M's SigLIP-B/16 with its projection, cut from 12 layers to 4. */
export const siglip = {
  ...{ imageSize: 512, patchSize: 16, side: 32, width: 768, heads: 12, feedForward: 3072, layers: 4 },
  ...{ epsilon: 1e-6, factor: 4, outputWidth: 576, mean: 0.5, std: 0.5 },
};

export const encoderShapes: Record<EncoderName, EncoderShape> = {
  "whisper-tiny": {
    ...{ unit: "seconds of audio", amount: 30, outputs: whisperTiny.audioContext * whisperTiny.audioWidth },
  },
  "siglip-b16": {
    ...{ unit: "images", amount: 1, outputs: (siglip.side / siglip.factor) ** 2 * siglip.outputWidth },
  },
};

/** A window of noise that grows louder: 30 s at 16 kHz. */
export function whisperSamples(): Float32Array<ArrayBuffer> {
  const count = whisperTiny.audioContext * 320;
  return randomWeights(seededRandom(3), count, 0.05).map((value, i) => (value * i) / count);
}

/** (height, width) RGBA: waves and noise. */
export function siglipPixels(): Uint8ClampedArray<ArrayBuffer> {
  const { imageSize } = siglip;
  const random = seededRandom(5);
  return Uint8ClampedArray.from({ length: imageSize ** 2 * 4 }, (_, i) => {
    const [x, y] = [(i >> 2) % imageSize, (i >> 2) / imageSize];
    return 128 + 60 * Math.sin((x * (1 + (i & 3)) + y) / 30) + 30 * random.normal();
  });
}

export interface NamedWeight {
  /** llama.cpp's. */
  name: string;
  shape: readonly number[];
  values: Float32Array<ArrayBuffer>;
}

/** All tensors of SigLIP and its projection, of deviations that keep activations of size 1. */
export function siglipTensors(): NamedWeight[] {
  const { width: D, feedForward: F, patchSize: P, side, factor, layers, outputWidth } = siglip;
  const random = seededRandom(7);
  const tensors: NamedWeight[] = [];
  const add = (name: string, shape: number[], deviation: number, mean = 0) => {
    const count = shape.reduce((a, b) => a * b, 1);
    tensors.push({
      name,
      shape,
      values: randomWeights(random, count, deviation).map((value) => value + mean),
    });
  };
  const linear = (name: string, ...shape: [number, ...number[]]) => {
    const columns = shape.slice(1).reduce((a, b) => a * b, 1);
    add(`${name}.weight`, shape, 1 / Math.sqrt(columns));
    add(`${name}.bias`, [shape[0]], 0.2);
  };
  const norm = (name: string) => {
    add(`${name}.weight`, [D], 0.2, 1);
    add(`${name}.bias`, [D], 0.2);
  };
  linear("v.patch_embd", D, 3, P, P);
  add("v.position_embd.weight", [side ** 2, D], 0.5);
  for (let i = 0; i < layers; i++) {
    const block = `v.blk.${i}`;
    norm(`${block}.ln1`);
    for (const part of ["attn_q", "attn_k", "attn_v", "attn_out"]) linear(`${block}.${part}`, D, D);
    norm(`${block}.ln2`);
    linear(`${block}.ffn_up`, F, D);
    linear(`${block}.ffn_down`, D, F);
  }
  norm("v.post_ln");
  add("mm.model.fc.weight", [outputWidth, factor ** 2 * D], 1 / Math.sqrt(factor ** 2 * D));
  return tensors;
}

/** Places of the result that are compared: a thousand, spread. */
export function sampledPlaces({ outputs }: EncoderShape): number[] {
  return Array.from({ length: 1000 }, (_, i) => (i * 7919 * 13 + i) % outputs);
}
