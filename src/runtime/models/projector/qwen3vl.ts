/**
 * `qwen3vl_merger`: Qwen3-VL's projector. A picture keeps its shape: it is resized to whole squares of 2 x 2 patches, which come
 * in the order of squares, have learned positions (a table, bilinear) and rotations by row and column; a square of rows
 * becomes one row, after the last layer and, for the first layers of the language model, after some others.
 * Two neighbouring frames of a video become the rows of one picture, and their time stands before these as text.
 * Source: Bai et al. 2025, arXiv:2511.21631; names of tensors and keys are those of llama.cpp's mtmd; marks, sizes and
 * activations as in transformers' modeling_qwen3_vl.py, image_processing_qwen2_vl.py, processing_qwen3_vl.py and
 * video_processing_qwen3_vl.py.
 */

import { visionAxes } from "../../../kernels/ropeAxes.ts";
import { badModelFile, unsupportedModel } from "../../errors.ts";
import type { GgufHeader, LoadedWeights } from "../../weights/types.ts";
import { Keys } from "../config.ts";
import { layerWeights } from "../encoder/layers.ts";
import { type MergerWeights, type QwenVision, recordQwenVision } from "./qwen3vlSteps.ts";
import type { Detail, ImagePlan, ProjectorSpec, Size, View } from "./types.ts";
import {
  encoderLayers,
  layerRequests,
  linearRequests,
  matrixRequest,
  normRequests,
  vectorRequest,
  visionConfig,
} from "./vision.ts";

/** Patches of a picture, and squares of them along a side: what activations have room for. */
const mostPatches = 4096;
const mostSquares = 48;
/** Rows of a picture with `detail: "low"`. */
const lowRows = 256;
/**
 * Rows of a video, and of a step of it. transformers' own most is more than a context that fits a tab; its least, and what
 * a step may have of the most (`cap_pixels_per_frame`), are these.
 */
const videoRows = { most: 2048, least: 64, step: 768 } as const;
/** transformers' least size of a picture, in rows. */
const leastRows = 64;
const around = ["<|vision_start|>", "<|vision_end|>"] as const;

/** Sizes of pictures, in pixels. */
export interface PictureLimits {
  /** Sides are multiples of it. */
  factor: number;
  minPixels: number;
  maxPixels: number;
  maxSide: number;
}

export function qwen3vl(header: GgufHeader): ProjectorSpec {
  const keys = new Keys(header.metadata, "clip.vision");
  const config = visionConfig(header, "bicubic");
  const { width: D, patchSize, side, heads } = config;
  const merge = keys.size("spatial_merge_size", 8, 2);
  const headWidth = D / heads;
  if (headWidth % 8 !== 0 || patchSize * merge > 64 || (3 * patchSize ** 2) % 8 !== 0)
    throw unsupportedModel(
      `Heads of ${headWidth} elements with patches of ${patchSize} pixels, ${merge} to a side, are not supported: multiples of 8 and up to 64 pixels are.`,
      "clip.vision.spatial_merge_size",
    );
  const outputWidth = keys.size("projection_dim", 65_536);
  const deepLayers = deepstackLayers(header, config.layers);
  const limits = pictureLimits(keys, patchSize, merge);
  const rowCount = Math.floor(limits.maxPixels / limits.factor ** 2);
  const wide = merge ** 2 * D;
  const patches = { ...matrixRequest("v.patch_embd", D, 3 * patchSize ** 2), flat: true };
  return {
    type: "qwen3vl_merger",
    outputWidth,
    deepstackLayers: deepLayers.length,
    tensors: [
      patches,
      { ...patches, name: `${patches.name}.1` },
      vectorRequest("v.patch_embd.bias", D),
      vectorRequest("v.position_embd.weight", side ** 2, D),
      ...layerRequests(header, "v", config, ["qkv"]),
      ...normRequests("v.post_ln", D),
      ...linearRequests("mm.0", wide, wide),
      ...linearRequests("mm.2", outputWidth, wide),
      ...deepLayers.flatMap((layer) => [
        ...normRequests(`v.deepstack.${layer}.norm`, wide),
        ...linearRequests(`v.deepstack.${layer}.fc1`, wide, wide),
        ...linearRequests(`v.deepstack.${layer}.fc2`, outputWidth, wide),
      ]),
    ],
    build: (loaded) => {
      const vision: QwenVision = {
        ...{ config, merge, outputWidth, maxSide: limits.maxSide, rows: rowCount },
        rope: { ropeWidth: headWidth, mode: "neox", thetaBase: 10_000, axes: visionAxes(headWidth) },
        weights: weightsOf(header, config, loaded, deepLayers),
      };
      return {
        image: {
          viewSize: { width: limits.maxSide, height: limits.maxSide },
          rows: rowCount,
          patches: rowCount * merge ** 2,
          placeholder: "<|image_pad|>",
          around,
          plan: (picture, detail) => qwen3vlPlan(picture, detail, limits, merge),
          patchPlaces: (view) => patchPlaces(view, patchSize, merge),
          video: {
            ...{ framesPerSecond: 2, mostFrames: 32, framesPerStep: 2, maxSide: limits.maxSide },
            view: (frame, steps) => viewOf(smartSize(frame, stepLimits(limits, steps)), limits, merge),
            pieces: (seconds) => [`<${inTenths(seconds)} seconds>${around[0]}`, 0, around[1]],
          },
          record: (rec, inputs) => recordQwenVision(rec, vision, inputs),
        },
      };
    },
  };
}

/** Layers of the encoder whose rows go to layers of the language model: flagged, or those that have a merger. */
function deepstackLayers({ metadata, tensors }: GgufHeader, layers: number): number[] {
  const name = "clip.vision.is_deepstack_layers";
  const flags = metadata.get(name);
  if (flags !== undefined && !(Array.isArray(flags) && flags.length <= layers))
    throw badModelFile(`${name} is not a list of up to ${layers} flags.`, name);
  const all = Array.from({ length: layers }, (_, i) => i);
  if (flags) return all.filter((i) => Boolean(flags[i]));
  const names = new Set(tensors.map((tensor) => tensor.name));
  return all.filter((i) => names.has(`v.deepstack.${i}.fc1.weight`));
}

function pictureLimits(keys: Keys, patchSize: number, merge: number): PictureLimits {
  const factor = patchSize * merge;
  const square = factor ** 2;
  const mostRows = Math.floor(mostPatches / merge ** 2);
  const asked = keys.size("image_max_pixels", 2 ** 31, mostRows * square);
  const most = Math.max(4, Math.min(mostRows, Math.floor(asked / square)));
  const least = keys.size("image_min_pixels", 2 ** 31, leastRows * square);
  return {
    factor,
    maxPixels: most * square,
    // Rounded up to whole squares, the smallest picture is no larger than the largest.
    minPixels: Math.min(least, (most * square) / 4),
    maxSide: Math.min(mostSquares, most) * factor,
  };
}

function weightsOf(
  header: GgufHeader,
  config: QwenVision["config"],
  loaded: LoadedWeights,
  deepLayers: readonly number[],
): QwenVision["weights"] {
  const named = layerWeights(loaded);
  const { width: D, side } = config;
  const merger = (layer: number): MergerWeights => ({
    norm: named.norm(`v.deepstack.${layer}.norm`),
    up: named.linear(`v.deepstack.${layer}.fc1`),
    down: named.linear(`v.deepstack.${layer}.fc2`),
  });
  return {
    patches: [
      named.linear("v.patch_embd"),
      { weights: [loaded.matrices.get("v.patch_embd.weight.1")!], bias: undefined },
    ],
    positions: { ...named.vector("v.position_embd.weight"), shape: [side, side, D] },
    layers: encoderLayers(header, loaded, "v", config),
    merger: { norm: named.norm("v.post_ln"), up: named.linear("mm.0"), down: named.linear("mm.2") },
    deepMergers: new Map(deepLayers.map((layer) => [layer, merger(layer)])),
  };
}

/**
 * One view: the picture as it is, but for sides of whole squares and a number of pixels within the limits.
 * @param detail "low": of a quarter of the largest size at most
 */
export function qwen3vlPlan(picture: Size, detail: Detail, limits: PictureLimits, merge: number): ImagePlan {
  const { factor, maxPixels, minPixels } = limits;
  const most =
    detail === "low" ? Math.min(maxPixels, Math.max(lowRows * factor ** 2, 4 * minPixels)) : maxPixels;
  const resized = smartSize(picture, { ...limits, maxPixels: most });
  return { views: [viewOf(resized, limits, merge)], pieces: [0] };
}

function viewOf(resized: Size, { factor }: PictureLimits, merge: number): View {
  const grid = [1, resized.height / factor, resized.width / factor] as const;
  const own = { ...resized, patches: grid[1] * grid[2] * merge ** 2, grid };
  return { resized, left: 0, top: 0, own };
}

/** Of each of a video's steps, such that all together stay within those of a video. */
export function stepLimits(limits: PictureLimits, steps: number): PictureLimits {
  const square = limits.factor ** 2;
  const { most, least, step } = videoRows;
  const maxPixels = Math.min(limits.maxPixels, square * Math.min(step, most / steps));
  return { ...limits, maxPixels, minPixels: Math.min((least * square) / steps, maxPixels / 4) };
}

/** As Python writes one decimal: halfway, which only quarters are exactly, to the even digit. */
export function inTenths(seconds: number): string {
  return (Number.isInteger(4 * seconds) ? roundHalfEven(10 * seconds) / 10 : seconds).toFixed(1);
}

/** Sides as near to the picture's as multiples of the factor can be; smaller or larger alike beyond the limits. */
export function smartSize(
  { width, height }: Size,
  { factor, minPixels, maxPixels, maxSide }: PictureLimits,
): Size {
  const sides = [width, height];
  const scaled = (scale: number, round: (value: number) => number) =>
    sides.map((side) => Math.min(maxSide, Math.max(1, round((side * scale) / factor)) * factor));
  // Long pictures are made smaller until they fit.
  const most = Math.min(maxPixels, (maxSide ** 2 * Math.min(...sides)) / Math.max(...sides));
  const tooLong = roundHalfEven(Math.max(...sides) / factor) * factor > maxSide;
  const pixels = width * height;
  const [near = 0, nearHeight = 0] = scaled(1, roundHalfEven);
  const area = near * nearHeight;
  const [w = 0, h = 0] =
    area > maxPixels || tooLong
      ? scaled(Math.sqrt(most / pixels), Math.floor)
      : area < minPixels
        ? scaled(Math.sqrt(Math.min(minPixels, most) / pixels), Math.ceil)
        : [near, nearHeight];
  return { width: w, height: h };
}

/** As Python rounds. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** In the order of squares, as `patchRows` has them. */
function patchPlaces({ resized }: View, patchSize: number, merge: number): Uint32Array<ArrayBuffer> {
  const [rows, columns] = [resized.height / patchSize, resized.width / patchSize];
  const places = new Uint32Array(2 * rows * columns);
  let i = 0;
  for (let top = 0; top < rows; top += merge)
    for (let left = 0; left < columns; left += merge)
      for (let y = top; y < top + merge; y++)
        for (let x = left; x < left + merge; x++) {
          places[i++] = y;
          places[i++] = x;
        }
  return places;
}
