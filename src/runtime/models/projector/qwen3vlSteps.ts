/** The forward pass of Qwen3-VL's encoder as a recording. */

import { imageResize } from "../../../kernels/encoder/imageResize.ts";
import { patchColumns, patchRows } from "../../../kernels/encoder/patchRows.ts";
import { positionTable } from "../../../kernels/encoder/positionTable.ts";
import { rotateHeads } from "../../../kernels/encoder/rotateHeads.ts";
import type { RowCount } from "../../../kernels/prelude.ts";
import type { Rotation } from "../../../kernels/rope.ts";
import type { Recording } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import {
  type Linear,
  linear,
  type Norm,
  norm,
  recordFeedForward,
  recordSelfAttention,
  rows,
} from "../encoder/layers.ts";
import type { ImageInputs } from "./types.ts";
import { type EncoderLayer, layerState, type VisionConfig } from "./vision.ts";

/** Squares of m x m rows of D become rows of the language model. */
export interface MergerWeights {
  /** (D) before rows are joined, or (m² · D) after that. */
  norm: Norm;
  up: Linear; // (m² · D, m² · D)
  down: Linear; // (M, m² · D)
}

export interface QwenVision {
  config: VisionConfig;
  /** m */
  merge: number;
  /** M */
  outputWidth: number;
  /** Of the largest picture, in pixels. */
  maxSide: number;
  /** R of the largest picture. */
  rows: number;
  rope: Rotation;
  weights: {
    /** Of the first of two frames that make a patch, and of the second. */
    patches: readonly [Linear, Linear]; // (D, 3 · P · P) each
    positions: Tensor; // (side, side, D)
    layers: EncoderLayer[];
    merger: MergerWeights;
    /** By the layer behind which they read. */
    deepMergers: ReadonlyMap<number, MergerWeights>;
  };
}

const outputs: RowCount = { of: "outputs" };

/** @returns the rows that stand in the prompt, and those of each deep merger in the order of layers: (R, M) each */
export function recordQwenVision(rec: Recording, vision: QwenVision, inputs: ImageInputs): Tensor[] {
  const { config, merge, outputWidth: M, rows: R, weights, rope } = vision;
  const { width: D, heads, epsilon, activation } = config;
  const { arena } = inputs;
  const wide = merge ** 2 * D;
  const state = layerState(arena, "vision", R * merge ** 2, config);
  recordPatches(rec, vision, inputs, state.x);
  /** Squares follow each other: they are rows already. */
  const joined = (tensor: Tensor): Tensor => ({ ...tensor, shape: [R, wide] });
  const merged = arena.tensor("vision merged", "f32", [R, wide]);
  const project = (x: Tensor, { up, down }: MergerWeights, label: string): Tensor => {
    const out = arena.tensor(`${label} rows`, "f32", [R, M]);
    linear(rec, x, up, merged, `${label} up`, { activation: "gelu", rows: outputs });
    linear(rec, merged, down, out, `${label} down`, { rows: outputs });
    return out;
  };
  const rotate = (rec: Recording, qkv: Tensor, label: string) => {
    const x = { tensor: qkv, stride: 3 * D };
    // Heads of keys follow those of queries.
    const turned = { x, heads: 2 * heads, headWidth: D / heads, rope, positions: inputs.places!, rows };
    rotateHeads(rec, turned, label);
  };
  const deep: Tensor[] = [];
  weights.layers.forEach(({ attention, feedForward }, i) => {
    const label = `vision.${i}`;
    recordSelfAttention(rec, attention, state, { heads, epsilon, rotate }, label);
    recordFeedForward(rec, feedForward, state, label, { epsilon, activation });
    const merger = weights.deepMergers.get(i);
    if (!merger) return;
    const normed = joined(state.normed);
    norm(rec, joined(state.x), merger.norm, normed, `${label} merger norm`, { epsilon, rows: outputs });
    deep.push(project(normed, merger, `${label} merger`));
  });
  norm(rec, state.x, weights.merger.norm, state.normed, "vision post norm", { epsilon });
  return [project(joined(state.normed), weights.merger, "vision merger"), ...deep];
}

/** Pixels of two frames to embedded patches with their learned positions. @param out (N, D) */
function recordPatches(
  rec: Recording,
  { config, merge, maxSide, weights }: QwenVision,
  { arena, frames, window, scratch, mostHeight }: ImageInputs,
  out: Tensor,
): void {
  const { patchSize, mean, std, filter } = config;
  const [N = 0, D = 0] = out.shape;
  const image = arena.tensor("vision image", "f32", [1, 3, maxSide, maxSide]);
  const patches = arena.tensor("vision patches", "f32", [N, patchColumns({ channels: 3, patchSize })]);
  const positions = arena.tensor("vision positions", "f32", [N, D]);
  const most = { inputHeight: mostHeight, height: maxSide, width: maxSide };
  const table = { table: weights.positions, sizes: frames[0]!.sizes, patchSize, merge, alignCorners: true };
  positionTable(rec, { ...table, out: positions, rows }, "vision");
  weights.patches.forEach((embedding, i) => {
    const label = `vision frame ${i}`;
    const { pixels, sizes } = frames[i]!;
    imageResize(rec, { pixels, sizes, window, filter, mean, std, scratch, most, out: image }, label);
    patchRows(rec, { image, sizes, channels: 3, patchSize, merge, out: patches, rows }, label);
    linear(rec, patches, embedding, out, `${label} patches`, { residual: i === 0 ? positions : out });
  });
}
