/**
 * How the matmul kernels for few rows read x, as WGSL: `XBlock`, `readX(i, row, block, lanes)` and what a block gives:
 *
 *   xHigh, xLow(xs, quad) -> u32    bytes of four values (packed rows)
 *   xSummary(xs) -> vec4f           scale, sums of both halves, squares (packed rows)
 *   xQuad(xs, quad) -> vec4f        four values
 *   xSquares(xs) -> f32             sum of squares, where `rowSquares` is 0
 *   rowSquares(i, row, lanes) -> f32    sum of squares of a whole row, where `xSquares` is 0
 *
 * `i`, a constant, is the place of the row in its batch. A block is 32 values of packed rows, and `readQuads` vec4s of other
 * rows.
 */

import type { Activations } from "./activations.ts";
import { blockWidth } from "./activations.ts";
import { type PlainRows, plainSource } from "./plainRows.ts";
import { constSource } from "./prelude.ts";
import { unroll } from "./unroll.ts";

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
fn readX(i: u32, row: u32, block: u32, lanes: Lanes) -> XBlock {
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

const floats = (binding: number) => `
@group(0) @binding(${binding}) var<storage, read> xValues: array<vec4f>;
struct XBlock {
  row: u32,
  first: u32,
}
fn readX(i: u32, row: u32, block: u32, lanes: Lanes) -> XBlock {
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

const plain = (x: PlainRows, binding: number) => `
@group(0) @binding(${binding}) var<storage, read> xValues: array<vec4f>;
${plainSource(x, "xValues")}
struct XBlock {
  start: u32,
  first: u32,
}
fn readX(i: u32, row: u32, block: u32, lanes: Lanes) -> XBlock {
  return XBlock(plainStart(row), block * readQuads);
}
fn xQuad(xs: XBlock, quad: u32) -> vec4f {
  return plainQuad(xs.start, xs.first + quad);
}
fn xSquares(xs: XBlock) -> f32 {
  return 0.0;
}
`;

/** Declares `xValue(i, row, at)`: vec4 `at` of a row of x. */
function sharedValues(
  x: Activations | PlainRows,
  bindings: readonly number[],
  windowQuads: number | undefined,
  batch: number,
): string {
  const [binding] = bindings;
  if (x.kind === "plain" && x.conv)
    return `@group(0) @binding(${binding}) var<storage, read> xValues: array<vec4f>;
${plainSource(x, "xValues")}fn xValue(i: u32, row: u32, at: u32) -> vec4f {
  return plainQuad(plainStart(row), at);
}
`;
  const whole = "fn xValue(i: u32, row: u32, at: u32) -> vec4f {\n  return xValues[row * xStride + at];\n}\n";
  if (windowQuads === undefined)
    return `@group(0) @binding(${binding}) var<storage, read> xValues: array<vec4f>;\n${whole}`;
  if (bindings.length === 1)
    return `@group(0) @binding(${binding}) var<uniform> xValues: array<vec4f, ${windowQuads}>;\n${whole}`;
  const rows = batch / bindings.length;
  return `${bindings
    .map((each, p) => `@group(0) @binding(${each}) var<uniform> xPiece${p}: array<vec4f, ${windowQuads}>;`)
    .join("\n")}
fn xValue(i: u32, row: u32, at: u32) -> vec4f {
  let place = i % ${rows}u * xStride + at;
  switch i / ${rows}u {
${bindings
  .slice(1)
  .map((_, p) => `    case ${p + 1}u: { return xPiece${p + 1}[place]; }`)
  .join("\n")}
    default: { return xPiece0[place]; }
  }
}
`;
}

/**
 * The threads of a subgroup read a vec4 each and pass it round, for adapters where a load costs more than arithmetic.
 * All of them need the same rows of x at the same time: `threadsPerRow` is 1, and blocks have 32 values.
 */
const sharedFloats = `
struct XBlock {
  quads: array<vec4f, shares>,
}
fn readX(i: u32, row: u32, block: u32, lanes: Lanes) -> XBlock {
  var xs: XBlock;
  for (var p = 0u; p < shares; p++) {
    xs.quads[p] = xValue(i, row, block * 8u + p * subgroupThreads + lanes.lane);
  }
  return xs;
}
fn xSquares(xs: XBlock) -> f32 {
  return 0.0;
}
// The sums of squares are behind the values, and zeros behind them.
fn rowSquares(i: u32, row: u32, lanes: Lanes) -> f32 {
  var sums = vec4f();
  for (var at = columns / 4u + lanes.lane; at < xStride; at += subgroupThreads) {
    sums += xValue(i, row, at);
  }
  return subgroupAdd(sums.x + sums.y + sums.z + sums.w);
}
`;

const squaresInBlocks = `fn rowSquares(i: u32, row: u32, lanes: Lanes) -> f32 {
  return 0.0;
}
`;

/**
 * Calls of `xQuad` as broadcasts, whose second argument must be a constant: only text can make it one. Mesa (8 threads)
 * makes less of a broadcast than of a shuffle, to which it does not carry the bounds check of the load.
 */
function broadcastQuads(source: string, subgroup: number): string {
  const call = subgroup === 8 ? "subgroupShuffle" : "subgroupBroadcast";
  return source.replace(
    /\bxQuad\(xs, ([^()]+)\)/g,
    (_, quad: string) => `${call}(xs.quads[(${quad}) / ${subgroup}u], (${quad}) % ${subgroup}u)`,
  );
}

/** How the threads of a subgroup share what they read of x. */
export interface SharedReads {
  /** Threads of every subgroup, at most 8. */
  subgroup: number;
  /** Vec4s of x in a binding, where it is bound as uniforms; else it is in storage. */
  windowQuads: number | undefined;
  /** Rows of x at once. */
  batch: number;
}

/**
 * WGSL that reads x at its bindings, followed by `body`, which uses it.
 * @param shared not of packed rows
 */
export function withReader(
  x: Activations | PlainRows,
  bindings: readonly [number, ...number[]],
  shared: SharedReads | undefined,
  body: string,
): string {
  const [binding] = bindings;
  if (x.kind === "packed")
    return constSource({ xBlocks: x.width / blockWidth }) + packedWhole(binding) + squaresInBlocks + body;
  if (x.kind === "plain" && !shared) return plain(x, binding) + squaresInBlocks + body;
  const stride = constSource({ xStride: (x.kind === "plain" ? x.width : x.tensor.shape[1]!) / 4 });
  if (!shared) return stride + floats(binding) + squaresInBlocks + body;
  const { subgroup, windowQuads, batch } = shared;
  const shares = 8 / subgroup;
  return [
    stride,
    constSource({ shares, subgroupThreads: subgroup }),
    sharedValues(x, bindings, windowQuads, batch),
    unroll(sharedFloats, { shares }),
    broadcastQuads(body, subgroup),
  ].join("");
}
