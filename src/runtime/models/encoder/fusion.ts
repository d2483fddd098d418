/**
 * Fusion of what encoders of several modalities have found: learned queries attend to all features together, whose kinds
 * and places are added to them. However many features there are, as many rows come out as there are queries. Source of the
 * idea: Jaegle et al. 2021, arXiv:2103.03206; Alayrac et al. 2022, arXiv:2204.14198.
 */

import { addRows } from "../../../kernels/encoder/addRows.ts";
import { crossAttention, crossAttentionScratchShapes } from "../../../kernels/encoder/crossAttention.ts";
import type { RowCount } from "../../../kernels/prelude.ts";
import { rowsOf } from "../../../kernels/prelude.ts";
import type { BufferArena } from "../../gpu/buffers.ts";
import type { Recording } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { type FeedForward, type Linear, linear, type Norm, norm } from "./layers.ts";

export interface FusionBlock {
  queryNorm: Norm;
  featureNorm: Norm;
  q: Linear; // (D, D)
  k: Linear; // (D, D)
  v: Linear; // (D, D)
  out: Linear; // (D, D)
  feedForward: FeedForward;
}

export interface FusionWeights {
  blocks: FusionBlock[];
  postNorm: Norm;
}

/** What one encoder has found. */
export interface FusionFeatures {
  features: Tensor; // (N, D)
  positions: Tensor; // (N, D)
  kind: Tensor; // (D)
  rows: RowCount;
}

export interface FusionArgs {
  arena: BufferArena;
  /** R learned queries. */
  queries: Tensor; // (R, D)
  /** Of each modality that there is. */
  sources: readonly FusionFeatures[];
  /** Features in all. */
  featureRows: RowCount;
  heads: number;
  epsilon: number;
  /** F of the blocks. */
  feedForwardWidth: number;
}

const rows: RowCount = { of: "outputs" };

/** For steps of R outputs. @returns (R, D) */
export function recordFusion(
  rec: Recording,
  { blocks, postNorm }: FusionWeights,
  args: FusionArgs,
  label: string,
): Tensor {
  const { arena, queries, sources, featureRows, heads, epsilon, feedForwardWidth: F } = args;
  const [R = 0, D = 0] = queries.shape;
  const S = rowsOf(featureRows, rec.maxStep);
  const tensor = (name: string, count: number, width: number) =>
    arena.tensor(`${label} ${name}`, "f32", [count, width]);
  const features = tensor("features", S, D);
  const normedFeatures = tensor("normed features", S, D);
  const [keys, values] = [tensor("keys", S, D), tensor("values", S, D)];
  const [x, normed, q, attended] = ["x", "normed", "q", "attended"].map((name) => tensor(name, R, D)) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const wide = tensor("wide", R, F);
  const headWidth = D / heads;
  const shapes = crossAttentionScratchShapes(rec.gpu.software, R, { heads, headWidth, positions: S });
  const scratch = {
    parts: arena.tensor(`${label} parts`, "f32", shapes.parts),
    sums: arena.tensor(`${label} sums`, "f32", shapes.sums),
  };
  let first = 0;
  for (const { features: own, positions, kind, rows: ownRows } of sources) {
    const count = rowsOf(ownRows, rec.maxStep);
    const out = { ...features, shape: [count, D], offsetBytes: first * D * 4, sizeBytes: count * D * 4 };
    addRows(rec, { x: own, table: positions, bias: kind, width: D, out, rows: ownRows }, `${label} features`);
    first += count;
  }
  const cache = (tensor: Tensor): Tensor => ({ ...tensor, shape: [1, S, D] });
  blocks.forEach((block, i) => {
    const place = `${label}.${i}`;
    // What the queries are before the first block is the same every time.
    const before = i === 0 ? queries : x;
    norm(rec, before, block.queryNorm, normed, `${place} query norm`, { epsilon, rows });
    norm(rec, features, block.featureNorm, normedFeatures, `${place} feature norm`, {
      ...{ epsilon, rows: featureRows },
    });
    linear(rec, normed, block.q, q, `${place} q`, { rows });
    linear(rec, normedFeatures, block.k, keys, `${place} k`, { rows: featureRows });
    linear(rec, normedFeatures, block.v, values, `${place} v`, { rows: featureRows });
    const attention = { q: { tensor: q }, keys: cache(keys), values: cache(values), heads, headWidth };
    crossAttention(
      rec,
      { ...attention, scale: 1 / Math.sqrt(headWidth), scratch, out: attended, rows },
      place,
    );
    linear(rec, attended, block.out, x, `${place} out`, { residual: before, rows });
    const { norm: own, up, down } = block.feedForward;
    norm(rec, x, own, normed, `${place} mlp norm`, { epsilon, rows });
    linear(rec, normed, up, wide, `${place} up`, { activation: "geluTanh", rows });
    linear(rec, wide, down, x, `${place} down`, { residual: x, rows });
  });
  norm(rec, x, postNorm, normed, `${label} post norm`, { epsilon, rows });
  return normed;
}
