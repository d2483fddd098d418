/** Attention of an encoder: all rows of a step to all of them, or to a range of them, without a cache. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectShape } from "../checks.ts";
import { subgroupDirectives } from "../matmulReduce.ts";
import { sharedSubgroup } from "../matmulVecVariant.ts";
import { constSource, type RowCount, rolledSource, rowConstants, rowsOf, stepSource } from "../prelude.ts";
import { unroll } from "../unroll.ts";
import wgsl from "./denseAttention.wgsl?raw";
import lanesWgsl from "./denseAttentionLanes.wgsl?raw";
import { expectHeadRows, expectHeads, type HeadRows, headRowsSource } from "./headRows.ts";

export interface DenseAttentionArgs {
  q: HeadRows; // (T, H · E)
  /** May be columns of the same tensor as q. */
  k: HeadRows; // (T, H · E)
  v: HeadRows; // (T, H · E)
  heads: number;
  /** E: a multiple of 4. */
  headWidth: number;
  /** Multiplies q · k, usually 1 / sqrt(E). */
  scale: number;
  /**
   * The first key that each row sees, and the first behind those; neither may decrease from row to row. So windows, the
   * images of a batch, and what is padding are told. Default: all rows of the step.
   */
  ranges?: Tensor | undefined; // (T, 2) u32
  /** In another buffer than the others. */
  out: Tensor; // (T, H · E)
  rows: RowCount;
  /** Default: by what the adapter is. */
  tile?: DenseAttentionTile | undefined;
}

/** Any choice computes the same. Workgroup memory: 176 bytes a row, and 4,608. */
export interface DenseAttentionTile {
  /** Rows of a workgroup: a multiple of threads / 8 up to 64. */
  rows: number;
  /** A multiple of 8, up to 256. */
  threads: number;
}

/**
 * Four rows a thread: 64 products for eight reads of workgroup memory, and registers for eight waves on a SIMD of RDNA 2.
 * Mesa's software adapter compiles two rows a thread in 2 seconds and four in 6.
 */
const gpuTile: DenseAttentionTile = { rows: 64, threads: 128 };
const softwareTile: DenseAttentionTile = { rows: 16, threads: 64 };

/** Elements of q and k that pass through workgroup memory at a time: most that divide a head, up to 32. */
function turnOf(headWidth: number): number {
  return [32, 28, 24, 20, 16, 12, 8].find((size) => headWidth % size === 0) ?? 4;
}

/**
 * out[t, h, :] = Σ_s w[s] · v[s, h, :] with w = softmax_s(scale · q[t, h, :] · k[s, h, :]); zeros where a row sees nothing.
 * Keys pass once per 64 rows, and no scores are stored. Source of the online softmax: Milakov & Gimelshein 2018,
 * arXiv:1805.02867; of the tiling: Dao et al. 2022, arXiv:2205.14135.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function denseAttention(rec: Recording, args: DenseAttentionArgs, label: string): void {
  const { q, k, v, heads, headWidth, scale, ranges, out, rows } = args;
  const place = `denseAttention ${label}`;
  expectHeads(place, heads, headWidth);
  const width = heads * headWidth;
  for (const [name, given] of Object.entries({ q, k, v })) {
    expectHeadRows(rec, place, name, given, rows, width);
    expectKernel(given.tensor.buffer !== out.buffer, place, `out is in the buffer of ${name}.`);
  }
  expectRows(rec, place, "out", out, "f32", rows, width);
  if (ranges) expectShape(place, "ranges", ranges, "u32", [rowsOf(rows, rec.maxStep), 2]);
  expectKernel(Number.isFinite(scale), place, `scale is ${scale} and should be finite.`);
  const own = args.tile ? undefined : lanesTile(rec, headWidth);
  const { rows: tileRows, threads } = args.tile ?? (rec.gpu.software ? softwareTile : gpuTile);
  const layout = own
    ? lanesSource(own, headWidth)
    : rolledSource(rec.gpu.software) + tiledSource({ rows: tileRows, threads }, headWidth);
  rec.dispatch({
    label: place,
    source: [
      subgroupDirectives(own !== undefined),
      constSource({ heads, headQuads: headWidth / 4 }),
      headRowsSource("q", q, width),
      headRowsSource("k", k, width),
      headRowsSource("v", v, width),
      stepSource(0),
      rangeSource(ranges !== undefined),
      layout,
    ].join(""),
    constants: { ...rowConstants(rows), scale: scale * Math.LOG2E },
    bindings: [rec.step, q.tensor, k.tensor, v.tensor, out, ...(ranges ? [ranges] : [])],
    workgroups: (step) => [Math.ceil(rowsOf(rows, step) / (own?.rows ?? tileRows)), heads],
  });
}

function tiledSource({ rows, threads }: DenseAttentionTile, headWidth: number): string {
  const counts = { rowsEach: (rows * 8) / threads, slots: Math.ceil(headWidth / 32) };
  return [
    constSource({ turnQuads: turnOf(headWidth) / 4, tileRows: rows, threads, ...counts }),
    unroll(wgsl, counts),
  ].join("");
}

/** Rows of a subgroup, and its lanes. */
interface LanesTile {
  rows: number;
  laneCount: number;
}

/** Where threads are lanes of a CPU's vectors. Wider heads would take Mesa long to compile. */
function lanesTile({ gpu }: Recording, headWidth: number): LanesTile | undefined {
  const laneCount = gpu.software && headWidth <= 128 ? sharedSubgroup(gpu) : undefined;
  return laneCount === undefined ? undefined : { rows: headWidth <= 64 ? 16 : 8, laneCount };
}

function lanesSource({ rows, laneCount }: LanesTile, headWidth: number): string {
  const counts = { tileRows: rows, laneCount, slots: Math.ceil(headWidth / 4 / laneCount) };
  return constSource(counts) + unroll(lanesWgsl, { ...counts, headQuads: headWidth / 4, halves: 2 });
}

/** Declares `rowRange(row)`: the keys that a row sees, of those that there are. */
function rangeSource(given: boolean): string {
  if (!given) return "fn rowRange(row: u32) -> vec2<u32> {\n  return vec2(0u, stepRows());\n}\n";
  return `@group(0) @binding(5) var<storage, read> ranges: array<vec2<u32>>;
fn rowRange(row: u32) -> vec2<u32> {
  return min(ranges[row], vec2(stepRows()));
}
`;
}
