/**
 * The vision transformer that projectors have in common: patches, learned positions, pre-LayerNorm layers. Tensor names are
 * llama.cpp's. Source: Dosovitskiy et al. 2020, arXiv:2010.11929; Zhai et al. 2023, arXiv:2303.15343 (SigLIP).
 */

import { imageResize, type ResizeFilter } from "../../../kernels/encoder/imageResize.ts";
import { patchColumns, patchRows } from "../../../kernels/encoder/patchRows.ts";
import type { MatmulActivation } from "../../../kernels/matmulActivation.ts";
import { plainRowsTensor } from "../../../kernels/plainRows.ts";
import { unsupportedModel } from "../../errors.ts";
import type { Recording } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { GgufHeader, LoadedWeights, TensorRequest } from "../../weights/types.ts";
import { Keys } from "../config.ts";
import {
  type FeedForward,
  type LayerState,
  type Linear,
  layerWeights,
  linear,
  type Norm,
  norm,
  recordFeedForward,
  recordSelfAttention,
  rows,
  type SelfAttention,
} from "../encoder/layers.ts";
import type { ImageInputs } from "./types.ts";

export interface EncoderSizes {
  /** D */
  width: number;
  /** F */
  feedForwardWidth: number;
  layers: number;
  heads: number;
  epsilon: number;
  activation: MatmulActivation;
}

export interface VisionConfig extends EncoderSizes {
  /** Of a side of a view, in pixels. */
  imageSize: number;
  /** P */
  patchSize: number;
  /** Patches of a side. */
  side: number;
  mean: [number, number, number];
  std: [number, number, number];
  filter: ResizeFilter;
}

/** Sizes of an encoder: those under `clip.vision` or `clip.audio`. */
export function encoderSizes(header: GgufHeader, keys: Keys, modality: "vision" | "audio"): EncoderSizes {
  const width = keys.size("embedding_length", 8192);
  const heads = keys.size("attention.head_count", 256);
  const headWidth = width / heads;
  if (!Number.isInteger(headWidth) || headWidth % 4 !== 0 || headWidth < 8 || headWidth > 256)
    throw unsupportedModel(
      `Heads of ${headWidth} elements (${width} by ${heads}) are not supported: multiples of 4 from 8 to 256 are.`,
      `clip.${modality}.attention.head_count`,
    );
  if (header.metadata.get("clip.use_silu") === true)
    throw unsupportedModel("Encoders with SiLU are not supported.", "clip.use_silu");
  return {
    ...{ width, heads },
    feedForwardWidth: keys.size("feed_forward_length", 65_536),
    layers: keys.size("block_count", 256),
    epsilon: keys.number("attention.layer_norm_epsilon", 1e-6),
    activation: "geluTanh",
  };
}

export function visionConfig(header: GgufHeader, filter: ResizeFilter): VisionConfig {
  const keys = new Keys(header.metadata, "clip.vision");
  const imageSize = keys.size("image_size", 4096);
  const patchSize = keys.size("patch_size", 128);
  const side = imageSize / patchSize;
  if (!Number.isInteger(side))
    throw unsupportedModel(
      `Pictures of ${imageSize} pixels in patches of ${patchSize} are not supported.`,
      "clip.vision.image_size",
    );
  return {
    ...encoderSizes(header, keys, "vision"),
    ...{ imageSize, patchSize, side, filter },
    mean: keys.numbers("image_mean", 3) as [number, number, number],
    std: keys.numbers("image_std", 3) as [number, number, number],
  };
}

export interface EncoderLayer {
  attention: SelfAttention;
  feedForward: FeedForward;
}

export const vectorRequest = (name: string, ...shape: number[]): TensorRequest => ({
  ...{ name, kind: "vector", shape },
});

export const matrixRequest = (name: string, N: number, K: number): TensorRequest => ({
  ...{ name: `${name}.weight`, kind: "matrix", shape: [N, K] },
});

export const normRequests = (name: string, width: number): TensorRequest[] =>
  ["weight", "bias"].map((part) => vectorRequest(`${name}.${part}`, width));

export const linearRequests = (name: string, N: number, K: number): TensorRequest[] => [
  matrixRequest(name, N, K),
  vectorRequest(`${name}.bias`, N),
];

/**
 * The tensors of `{prefix}.blk.N`.
 * @param parts of attention: queries, keys and values each, or one that has all their rows
 */
export function layerRequests(
  header: GgufHeader,
  prefix: string,
  sizes: EncoderSizes,
  parts: readonly string[] = ["q", "k", "v"],
): TensorRequest[] {
  const { width: D, feedForwardWidth: F } = sizes;
  return Array.from({ length: sizes.layers }, (_, i) => {
    const block = `${prefix}.blk.${i}`;
    const [up, down] = feedForwardNames(header, block, sizes);
    const names = parts.map((part) => `${block}.attn_${part}`);
    const rows = (3 * D) / parts.length;
    return [
      ...normRequests(`${block}.ln1`, D),
      ...names.map((name) => ({ ...matrixRequest(name, rows, D), joined: `${block}.qkv.weight` })),
      ...names.map((name) => ({ ...vectorRequest(`${name}.bias`, rows), joined: `${block}.qkv.bias` })),
      ...linearRequests(`${block}.attn_out`, D, D),
      ...normRequests(`${block}.ln2`, D),
      ...linearRequests(up, F, D),
      ...linearRequests(down, D, F),
    ];
  }).flat();
}

/** Names of the wider matrix and of the other: older files have them the wrong way round. */
function feedForwardNames(header: GgufHeader, block: string, { width, feedForwardWidth }: EncoderSizes) {
  const [up, down] = [`${block}.ffn_up`, `${block}.ffn_down`] as const;
  const stored = header.tensors.find(({ name }) => name === `${up}.weight`);
  const swapped = stored?.shape[0] === width && width !== feedForwardWidth;
  return swapped ? ([down, up] as const) : ([up, down] as const);
}

export function encoderLayers(
  header: GgufHeader,
  loaded: LoadedWeights,
  prefix: string,
  sizes: EncoderSizes,
): EncoderLayer[] {
  const named = layerWeights(loaded);
  return Array.from({ length: sizes.layers }, (_, i) => {
    const block = `${prefix}.blk.${i}`;
    const [up, down] = feedForwardNames(header, block, sizes);
    return {
      attention: {
        norm: named.norm(`${block}.ln1`),
        qkv: named.linear(`${block}.qkv`),
        out: named.linear(`${block}.attn_out`),
      },
      feedForward: { norm: named.norm(`${block}.ln2`), up: named.linear(up), down: named.linear(down) },
    };
  });
}

export interface VisionWeights {
  patches: Linear; // (D, 3 · P · P)
  positions: Tensor; // (N, D)
  layers: EncoderLayer[];
  postNorm: Norm;
}

export function visionRequests(header: GgufHeader, config: VisionConfig): TensorRequest[] {
  const { width: D, patchSize, side } = config;
  const columns = patchColumns({ channels: 3, patchSize });
  const padding = columns - 3 * patchSize ** 2;
  return [
    { ...matrixRequest("v.patch_embd", D, columns), flat: true, padding },
    vectorRequest("v.patch_embd.bias", D),
    vectorRequest("v.position_embd.weight", side ** 2, D),
    ...layerRequests(header, "v", config),
    ...normRequests("v.post_ln", D),
  ];
}

export function visionWeights(
  header: GgufHeader,
  config: VisionConfig,
  loaded: LoadedWeights,
): VisionWeights {
  const named = layerWeights(loaded);
  return {
    patches: named.linear("v.patch_embd"),
    positions: named.table("v.position_embd.weight", config.width),
    layers: encoderLayers(header, loaded, "v", config),
    postNorm: named.norm("v.post_ln"),
  };
}

/** Activations of an encoder of so many rows. */
export function layerState(
  arena: ImageInputs["arena"],
  name: string,
  R: number,
  sizes: EncoderSizes,
): LayerState {
  const { width: D, feedForwardWidth: F } = sizes;
  const tensor = (part: string, width: number) => plainRowsTensor(arena, `${name} ${part}`, R, width);
  return {
    x: tensor("x", D),
    normed: tensor("normed", D),
    qkv: tensor("qkv", 3 * D),
    attended: tensor("attended", D),
    wide: tensor("wide", F),
  };
}

/** Layers over the residual stream, and the norm behind them into `state.normed`. */
export function recordEncoderLayers(
  rec: Recording,
  layers: readonly EncoderLayer[],
  postNorm: Norm,
  state: LayerState,
  { heads, epsilon, activation }: EncoderSizes,
  label: string,
): void {
  layers.forEach(({ attention, feedForward }, i) => {
    recordSelfAttention(rec, attention, state, { heads, epsilon }, `${label}.${i}`);
    recordFeedForward(rec, feedForward, state, `${label}.${i}`, { epsilon, activation });
  });
  norm(rec, state.x, postNorm, state.normed, `${label} post norm`, { epsilon });
}

/** A view of a picture to its features. @returns (N, D) */
export function recordVision(
  rec: Recording,
  config: VisionConfig,
  weights: VisionWeights,
  { arena, frames, window, scratch, mostHeight }: ImageInputs,
): Tensor {
  const { imageSize: S, patchSize, side, mean, std, filter } = config;
  const N = side ** 2;
  const image = arena.tensor("vision image", "f32", [1, 3, S, S]);
  const patches = plainRowsTensor(arena, "vision patches", N, patchColumns({ channels: 3, patchSize }));
  const whole = arena.tensor("vision size", "u32", [4]);
  rec.gpu.device.queue.writeBuffer(whole.buffer, whole.offsetBytes, Uint32Array.of(S, S, S, S));
  const state = layerState(arena, "vision", N, config);
  const most = { inputHeight: mostHeight, height: S, width: S };
  imageResize(rec, { ...frames[0]!, window, filter, mean, std, scratch, most, out: image }, "vision");
  patchRows(rec, { image, sizes: whole, channels: 3, patchSize, out: patches, rows }, "vision");
  linear(rec, patches, weights.patches, state.x, "vision patches", { residual: weights.positions });
  recordEncoderLayers(rec, weights.layers, weights.postNorm, state, config, "vision");
  return state.normed;
}
