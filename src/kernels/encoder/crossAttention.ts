/** Attention of a decoder's rows to what an encoder has computed: keys and values that do not change. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import { roundUp, type Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectShape, expectSize } from "../checks.ts";
import {
  BindingList,
  constSource,
  foldWorkgroups,
  gridSource,
  type RowCount,
  rolledSource,
  rowConstants,
  rowsOf,
  stepSource,
} from "../prelude.ts";
import wgsl from "./crossAttention.wgsl?raw";
import mergeWgsl from "./crossAttentionMerge.wgsl?raw";
import { expectHeadRows, expectHeads, type HeadRows, headRowsSource } from "./headRows.ts";

export interface CrossAttentionArgs {
  q: HeadRows; // (R, H · E)
  /** C caches of S positions each, f32 or f16. */
  keys: Tensor; // (C, S, H · E)
  values: Tensor; // (C, S, H · E), of the same type
  /** Which cache each row reads; default: the first. Numbers of C and above count as the last. */
  caches?: Tensor | undefined; // (R) u32
  /** Positions that each cache has; default: S. */
  lengths?: Tensor | undefined; // (C) u32
  heads: number;
  /** E: a multiple of 4. */
  headWidth: number;
  /** Multiplies q · k, usually 1 / sqrt(E). */
  scale: number;
  /** Room for splits, where {@link crossAttentionSplits} are several; shapes as {@link crossAttentionScratchShapes}. */
  scratch?: CrossAttentionScratch | undefined;
  /** In another buffer than the others. */
  out: Tensor; // (R, H · E)
  rows: RowCount;
}

export interface CrossAttentionScratch {
  parts: Tensor; // (R, H, splits, E) f32
  sums: Tensor; // (R, H, splits) f32
}

/** Positions of a workgroup: enough workgroups for a large GPU from one row of six heads and 1,500 positions. */
function splitSizeOf(software: boolean): number {
  return software ? 256 : 128;
}

/** Splits of caches of S positions. */
export function crossAttentionSplits(software: boolean, positions: number): number {
  return Math.ceil(positions / splitSizeOf(software));
}

/** Shapes of the scratch for so many rows. */
export function crossAttentionScratchShapes(
  software: boolean,
  rows: number,
  { heads, headWidth, positions }: { heads: number; headWidth: number; positions: number },
): Record<keyof CrossAttentionScratch, number[]> {
  const splits = crossAttentionSplits(software, positions);
  return { parts: [rows, heads, splits, headWidth], sums: [rows, heads, splits] };
}

/**
 * out[r, h, :] = Σ_s w[s] · values[c, s, h, :] with w = softmax_s(scale · q[r, h, :] · keys[c, s, h, :]) over the positions
 * of the row's cache c; zeros where it has none. For few rows: each reads its cache on its own, in splits that are joined in
 * a second dispatch.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function crossAttention(rec: Recording, args: CrossAttentionArgs, label: string): void {
  const { q, keys, values, caches, lengths, heads, headWidth, scale, scratch, out, rows } = args;
  const { software } = rec.gpu;
  const place = `crossAttention ${label}`;
  const positions = checkCrossAttention(rec, args, place);
  const width = heads * headWidth;
  const splits = crossAttentionSplits(software, positions);
  const headQuads = headWidth / 4;
  const threads = roundUp(Math.max(software ? 16 : 64, headQuads), 8);
  const half = keys.dtype === "f16";
  const split = splits > 1 ? scratch : undefined;
  const bindings = new BindingList();
  for (const slice of [rec.step, q.tensor, keys, values, split?.parts ?? out]) bindings.add(slice);
  rec.dispatch({
    label: place,
    source: [
      constSource({ heads, headQuads, positions, threads, splits, splitSize: splitSizeOf(software) }),
      headRowsSource("q", q, width),
      stepSource(0),
      rolledSource(software),
      readerSource("Key", 2, half),
      readerSource("Value", 3, half),
      split ? bindings.declare("read_write", "sums", "f32", split.sums) : "",
      `fn storeSum(at: u32, sum: f32) {\n  ${split ? "sums[at] = sum;" : ""}\n}\n`,
      caches ? bindings.declare("read", "caches", "u32", caches) : "",
      `fn rowCache(row: u32) -> u32 {\n  return ${caches ? `min(caches[row], ${keys.shape[0]! - 1}u)` : "0u"};\n}\n`,
      lengths ? bindings.declare("read", "lengths", "u32", lengths) : "",
      `fn cacheLength(cache: u32) -> u32 {\n  return ${lengths ? "min(lengths[cache], positions)" : "positions"};\n}\n`,
      wgsl,
    ].join(""),
    constants: { ...rowConstants(rows), scale: scale * Math.LOG2E },
    bindings: bindings.slices,
    workgroups: (step) => [splits, heads, rowsOf(rows, step)],
  });
  if (!split) return;
  rec.dispatch({
    label: `crossAttentionMerge ${label}`,
    source: [
      constSource({ heads, headQuads, splits, threads: 64 }),
      stepSource(0),
      gridSource,
      mergeWgsl,
    ].join(""),
    constants: rowConstants(rows),
    bindings: [rec.step, split.parts, split.sums, out],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * heads * headQuads) / 64)),
  });
}

/** Fails with both shapes unless all fit; returns the positions of a cache. */
function checkCrossAttention(rec: Recording, args: CrossAttentionArgs, place: string): number {
  const { q, keys, values, caches, lengths, heads, headWidth, scale, scratch, out, rows } = args;
  expectHeads(place, heads, headWidth);
  const width = heads * headWidth;
  expectHeadRows(rec, place, "q", q, rows, width);
  const [count = 0, positions = 0] = keys.shape;
  expectSize(place, "caches", count, 1);
  expectSize(place, "positions", positions, 1);
  expectKernel(keys.dtype !== "u32", place, "keys are u32 and should be f32 or f16.");
  expectShape(place, "keys", keys, keys.dtype, [count, positions, width]);
  expectShape(place, "values", values, keys.dtype, [count, positions, width]);
  expectKernel(
    count * positions * width <= 2 ** 32,
    place,
    `keys (${keys.shape.join(", ")}) have more than 2^32 elements.`,
  );
  expectRows(rec, place, "out", out, "f32", rows, width);
  if (caches) expectRows(rec, place, "caches", caches, "u32", rows, 1);
  if (lengths) expectShape(place, "lengths", lengths, "u32", [count]);
  expectKernel(Number.isFinite(scale), place, `scale is ${scale} and should be finite.`);
  for (const { buffer } of [q.tensor, keys, values])
    expectKernel(buffer !== out.buffer, place, "out is in the buffer of an input.");
  const splits = crossAttentionSplits(rec.gpu.software, positions);
  if (splits > 1) {
    expectKernel(scratch !== undefined, place, `${positions} positions in ${splits} splits need scratch.`);
    expectRows(rec, place, "scratch.parts", scratch.parts, "f32", rows, heads * splits * headWidth);
    expectRows(rec, place, "scratch.sums", scratch.sums, "f32", rows, heads * splits);
  }
  return positions;
}

/** Declares `read<name>(at)`: four values of an array of f32, or of pairs of f16. */
function readerSource(name: string, binding: number, half: boolean): string {
  const type = half ? "vec2<u32>" : "vec4f";
  const read = half ? "vec4f(unpack2x16float(word.x), unpack2x16float(word.y))" : "word";
  return `@group(0) @binding(${binding}) var<storage, read> cached${name}: array<${type}>; // (C, S, heads · E)
fn read${name}(at: u32) -> vec4f {
  let word = cached${name}[at];
  return ${read};
}
`;
}
