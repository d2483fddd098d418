/**
 * Attention of few rows to keys and values that lie in memory: a decoder's own past, or what an encoder has left. Keys are
 * cut into chunks, so that a single row keeps a GPU busy.
 */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectShape, expectSize } from "../checks.ts";
import { expectHeadRows, expectHeads, type HeadRows, headRowsSource } from "../encoder/headRows.ts";
import { constSource, type RowCount, rolledSource, rowConstants, rowsOf, stepSource } from "../prelude.ts";
import wgsl from "./cachedAttention.wgsl?raw";
import mergeWgsl from "./cachedAttentionMerge.wgsl?raw";

export interface CachedAttentionArgs {
  q: HeadRows; // (T, H · E)
  /** f32 or f16. May be columns of one tensor. */
  k: HeadRows; // (S, H · E)
  v: HeadRows; // (S, H · E)
  heads: number;
  /** E: a multiple of 4. */
  headWidth: number;
  /** Multiplies q · k, usually 1 / sqrt(E). */
  scale: number;
  /** S: keys that there are. */
  keys: number;
  /** Each row's own position: it sees the keys up to that. Default: all rows see all keys. */
  positions?: Tensor | undefined; // (T) u32
  /** Room for what chunks leave: {@link attentionScratch} elements or more. */
  scratch: Tensor; // f32
  /** Where scores are to be kept: scale · q · k. Those of keys that a row does not see are not written. */
  scores?: Tensor | undefined; // (T, H, S) f32
  /** In another buffer than the others. */
  out: Tensor; // (T, H · E)
  rows: RowCount;
}

/** Keys of a workgroup: so few that a row of few heads fills a GPU; many where each thread costs. */
const chunkKeys = (software: boolean) => (software ? 512 : 128);

/** Numbers that {@link cachedAttention} needs for so many rows, whatever the adapter. */
export function attentionScratch(rows: number, heads: number, headWidth: number, keys: number): number {
  return rows * heads * Math.ceil(keys / chunkKeys(false)) * (headWidth + 4);
}

/**
 * out[t, h, :] = Σ_s w[s] · v[s, h, :] with w = softmax_s(scale · q[t, h, :] · k[s, h, :]). Two dispatches.
 * Source of the split: Dao et al. 2023, "Flash-Decoding for long-context inference".
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function cachedAttention(rec: Recording, args: CachedAttentionArgs, label: string): void {
  const { q, k, v, heads, headWidth, scale, keys, positions, scratch, scores, out, rows } = args;
  const place = `cachedAttention ${label}`;
  const width = heads * headWidth;
  const maxRows = rowsOf(rows, rec.maxStep);
  expectHeads(place, heads, headWidth);
  expectSize(place, "keys", keys, 1);
  expectHeadRows(rec, place, "q", q, rows, width);
  for (const [name, given] of Object.entries({ k, v })) expectKeys(place, name, given, keys, width);
  expectRows(rec, place, "out", out, "f32", rows, width);
  if (positions) expectRows(rec, place, "positions", positions, "u32", rows, 1);
  if (scores) expectShape(place, "scores", scores, "f32", [maxRows, heads, keys]);
  const needed = attentionScratch(maxRows, heads, headWidth, keys);
  const room = scratch.shape.reduce((a, b) => a * b, 1);
  expectKernel(
    scratch.dtype === "f32" && room >= needed,
    place,
    `scratch holds ${room} numbers of ${needed}.`,
  );
  for (const other of [q.tensor, k.tensor, v.tensor, scratch])
    expectKernel(other.buffer !== out.buffer, place, "out is in the buffer of another tensor.");
  const headQuads = headWidth / 4;
  const own = chunkKeys(rec.gpu.software);
  const chunks = Math.ceil(keys / own);
  const threads = headQuads * (rec.gpu.software ? 1 : Math.ceil(64 / headQuads));
  const bindings = [rec.step, q.tensor, k.tensor, v.tensor, scratch];
  const common = stepSource(0) + rolledSource(rec.gpu.software);
  const sizes = { headQuads, heads, chunks };
  rec.dispatch({
    label: place,
    source: [
      common,
      constSource({ ...sizes, threads, chunkKeys: own, keyCount: keys }),
      headRowsSource("q", q, width),
      headRowsSource("k", k, width),
      headRowsSource("v", v, width),
      keySource("K", 2, k.tensor),
      keySource("V", 3, v.tensor),
      visibleSource(positions && bindings.push(positions) - 1),
      scoreSource(scores && bindings.push(scores) - 1),
      wgsl,
    ].join(""),
    constants: { ...rowConstants(rows), scale },
    bindings,
    workgroups: (step) => [chunks, heads, rowsOf(rows, step)],
  });
  rec.dispatch({
    label: `${place} merge`,
    source: common + constSource(sizes) + mergeWgsl,
    constants: rowConstants(rows),
    bindings: [rec.step, scratch, out],
    workgroups: (step) => [heads, rowsOf(rows, step)],
  });
}

function expectKeys(
  label: string,
  name: string,
  { tensor, start = 0, stride }: HeadRows,
  keys: number,
  width: number,
) {
  const rowWidth = stride ?? width;
  const count = tensor.shape.reduce((a, b) => a * b, 1);
  expectKernel(
    tensor.dtype !== "u32" && count >= keys * rowWidth,
    label,
    `${name} is ${tensor.dtype} (${tensor.shape.join(", ")}) and should be f32 or f16 (${keys} or more, ${rowWidth}).`,
  );
  expectSize(label, `${name}.start`, start, 0, rowWidth - width);
  expectKernel(
    start % 4 === 0 && rowWidth % 4 === 0,
    label,
    `${name} does not start at multiples of 4 elements.`,
  );
}

/** Declares `readK(at)` or `readV(at)`: four values of an array of f32, or of pairs of f16. */
function keySource(name: "K" | "V", binding: number, { dtype }: Tensor): string {
  const half = dtype === "f16";
  return `@group(0) @binding(${binding}) var<storage, read> cached${name}: array<${half ? "vec2<u32>" : "vec4f"}>;
fn read${name}(at: u32) -> vec4f {
  let word = cached${name}[at];
  return ${half ? "vec4f(unpack2x16float(word.x), unpack2x16float(word.y))" : "word"};
}
`;
}

/** Declares `visibleKeys(t)`. */
function visibleSource(binding: number | undefined): string {
  if (binding === undefined) return "fn visibleKeys(t: u32) -> u32 {\n  return keyCount;\n}\n";
  return `@group(0) @binding(${binding}) var<storage, read> positions: array<u32>;
fn visibleKeys(t: u32) -> u32 {
  return min(positions[t] + 1u, keyCount);
}
`;
}

/** Declares `storeScore(at, score)`. */
function scoreSource(binding: number | undefined): string {
  if (binding === undefined) return "fn storeScore(at: u32, score: f32) {}\n";
  return `@group(0) @binding(${binding}) var<storage, read_write> scores: array<f32>;
fn storeScore(at: u32, score: f32) {
  scores[at] = score;
}
`;
}
