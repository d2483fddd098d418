/**
 * How the matmul kernels for few rows read x, as WGSL: `XBlock`, `readX(row, block, lanes)` and what a block gives:
 *
 *   xHigh, xLow(xs, quad) -> u32    bytes of four values (packed rows)
 *   xSummary(xs) -> vec4f           scale, sums of both halves, squares (packed rows)
 *   xQuad(xs, quad) -> vec4f        four values
 *   xSquares(xs) -> f32             sum of squares
 *
 * A block is 32 values of packed rows, and `readQuads` vec4s of float rows.
 */

import type { Activations } from "./activations.ts";
import { blockWidth } from "./activations.ts";
import { constSource } from "./prelude.ts";

/** Every thread reads whole 16-byte words. */
const packedWhole = (binding: number) => `
@group(0) @binding(${binding}) var<storage, read> xWords: array<vec4<u32>>;
struct XBlock {
  high0: vec4<u32>,
  high1: vec4<u32>,
  low0: vec4<u32>,
  low1: vec4<u32>,
  summary: vec4f,
}
fn readX(row: u32, block: u32, lanes: Lanes) -> XBlock {
  let at = row * 5u * xBlocks + block;
  return XBlock(
    xWords[at],
    xWords[at + xBlocks],
    xWords[at + 2u * xBlocks],
    xWords[at + 3u * xBlocks],
    bitcast<vec4f>(xWords[at + 4u * xBlocks]),
  );
}
fn xHigh(xs: XBlock, quad: u32) -> u32 {
  if (quad < 4u) {
    return xs.high0[quad];
  }
  return xs.high1[quad % 4u];
}
fn xLow(xs: XBlock, quad: u32) -> u32 {
  if (quad < 4u) {
    return xs.low0[quad];
  }
  return xs.low1[quad % 4u];
}
fn xSummary(xs: XBlock) -> vec4f {
  return xs.summary;
}
fn xSquares(xs: XBlock) -> f32 {
  return xs.summary.w;
}
fn xQuad(xs: XBlock, quad: u32) -> vec4f {
  return xs.summary.x * vec4f((unpack4xI8(xHigh(xs, quad)) << vec4u(8u)) + unpack4xI8(xLow(xs, quad)));
}
`;

/**
 * The threads of a subgroup read a word each and pass it round, for adapters where a load costs more than arithmetic.
 * All of them need the same rows of x at the same time: `threadsPerRow` is 1.
 */
const packedShared = (binding: number) => `
@group(0) @binding(${binding}) var<storage, read> xWords: array<u32>;
fn xWordAt(row: u32, plane: u32, block: u32, word: u32) -> u32 {
  return xWords[((row * 5u + plane) * xBlocks + block) * 4u + word];
}
`;

const sharedBytes = `
struct XBlock {
  high: array<u32, shares>,
  low: array<u32, shares>,
  summary: f32,
}
fn readX(row: u32, block: u32, lanes: Lanes) -> XBlock {
  var xs: XBlock;
  for (var p = 0u; p < shares; p++) {
    let word = p * subgroupThreads + lanes.lane;
    xs.high[p] = xWordAt(row, word / 4u, block, word % 4u);
    xs.low[p] = xWordAt(row, 2u + word / 4u, block, word % 4u);
  }
  xs.summary = bitcast<f32>(xWordAt(row, 4u, block, lanes.lane % 4u));
  return xs;
}
fn xSummary(xs: XBlock) -> vec4f {
  return vec4f(
    subgroupBroadcast(xs.summary, 0u),
    subgroupBroadcast(xs.summary, 1u),
    subgroupBroadcast(xs.summary, 2u),
    subgroupBroadcast(xs.summary, 3u),
  );
}
`;

const sharedQuads = `
struct XBlock {
  quads: array<vec4f, shares>,
  summary: f32,
}
fn readX(row: u32, block: u32, lanes: Lanes) -> XBlock {
  var xs: XBlock;
  xs.summary = bitcast<f32>(xWordAt(row, 4u, block, lanes.lane % 4u));
  let scale = subgroupBroadcast(xs.summary, 0u);
  for (var p = 0u; p < shares; p++) {
    let word = p * subgroupThreads + lanes.lane;
    let high = unpack4xI8(xWordAt(row, word / 4u, block, word % 4u));
    let low = unpack4xI8(xWordAt(row, 2u + word / 4u, block, word % 4u));
    xs.quads[p] = scale * vec4f((high << vec4u(8u)) + low);
  }
  return xs;
}
fn xSquares(xs: XBlock) -> f32 {
  return subgroupBroadcast(xs.summary, 3u);
}
`;

const floats = (binding: number) => `
@group(0) @binding(${binding}) var<storage, read> xValues: array<vec4f>;
struct XBlock {
  row: u32,
  first: u32,
}
fn readX(row: u32, block: u32, lanes: Lanes) -> XBlock {
  return XBlock(row * xStride, block * readQuads);
}
fn xQuad(xs: XBlock, quad: u32) -> vec4f {
  return xValues[xs.row + xs.first + quad];
}
fn xSquares(xs: XBlock) -> f32 {
  // Each sum belongs to 8 vec4s: the block that starts with them counts it.
  let sum = xs.first / 8u;
  return select(0.0, xValues[xs.row + columns / 4u + sum / 4u][sum % 4u], xs.first % 8u == 0u);
}
`;

/** Replaces calls of a reader whose second argument must be a constant, as only text can make it one. */
function inline(source: string, name: string, field: string, subgroup: number): string {
  return source.replace(
    new RegExp(`\\b${name}\\(xs, ([^()]+)\\)`, "g"),
    (_, quad: string) => `subgroupBroadcast(xs.${field}[(${quad}) / ${subgroup}u], (${quad}) % ${subgroup}u)`,
  );
}

/**
 * WGSL that reads x at a binding, followed by `body`, which uses it.
 * @param subgroup threads of every subgroup (at most 8), where x is to be read by shares; else undefined
 */
export function withReader(
  x: Activations,
  binding: number,
  arithmetic: "dot" | "float",
  subgroup: number | undefined,
  body: string,
): string {
  const sizes = constSource({ xBlocks: Math.ceil(x.width / blockWidth) });
  if (x.kind === "float") {
    const stride = x.tensor.shape[1]! / 4;
    return sizes + constSource({ xStride: stride }) + floats(binding) + body;
  }
  if (subgroup === undefined) return sizes + packedWhole(binding) + body;
  const shares = constSource({ shares: 8 / subgroup, subgroupThreads: subgroup });
  const dots = arithmetic === "dot";
  let inlined = body;
  if (dots) {
    inlined = inline(inlined, "xHigh", "high", subgroup);
    inlined = inline(inlined, "xLow", "low", subgroup);
  } else inlined = inline(inlined, "xQuad", "quads", subgroup);
  return sizes + shares + packedShared(binding) + (dots ? sharedBytes : sharedQuads) + inlined;
}
