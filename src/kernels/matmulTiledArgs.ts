/** What the tiled matmul kernels share: arguments, their checks, and the WGSL that finishes and writes a sum. */

import type { Recording } from "../runtime/gpu/recording.ts";
import type { BufferSlice, Tensor, WeightMatrix, WeightSlice } from "../runtime/gpu/tensor.ts";
import { type Activations, expectActivations } from "./activations.ts";
import { expectKernel, expectRows, expectShape } from "./checks.ts";
import { groupWeights } from "./formats/formats.ts";
import { constSource, type RowCount, rowConstants, rowsOf, stepSource } from "./prelude.ts";

/** out[r, n] = f(r) · Σ_k x[xRows[r], k] · W[n, k] + bias[n] + residual[r, n], where f is 1 or normalises the row. */
export interface TiledMatmulArgs {
  /** (R, K). */
  x: Activations;
  /** (R) u32: which row of x each row of `out` takes; as they come if absent. */
  xRows?: Tensor | undefined;
  /** (N, K). */
  weight: WeightMatrix;
  /** RMSNorm of x, whose weight was multiplied in before: f(r) = 1 / √(squares of the row / K + eps). */
  normalize?: { eps: number } | undefined;
  /** (R, `outStride`) f32, of which columns `outStart` to `outStart` + N are written; not x. */
  out: Tensor;
  /** Default 0. */
  outStart?: number | undefined;
  /** Default N. */
  outStride?: number | undefined;
  /** (N) f32, added to every row. */
  bias?: Tensor | undefined;
  /** (R, N) f32, added; or `out` itself, which is then added to. */
  residual?: Tensor | undefined;
  rows: RowCount;
}

/**
 * Checks all shapes.
 * @throws OmniError `internal_error` with both shapes
 */
export function checkTiledMatmul(rec: Recording, args: TiledMatmulArgs, label: string): void {
  const { x, xRows, weight, out, outStart = 0, outStride = weight.rows, bias, residual, rows } = args;
  const place = `matmul ${label} with weight (${weight.rows}, ${weight.columns})`;
  expectActivations(rec, place, "x", x, xRows ? undefined : rows, weight.columns);
  if (xRows) expectRows(rec, place, "xRows", xRows, "u32", rows, 1);
  expectRows(rec, place, "out", out, "f32", rows, outStride);
  expectKernel(
    Number.isInteger(outStart) && outStart >= 0 && outStart + weight.rows <= outStride,
    place,
    `columns from ${outStart} on do not fit into rows of ${outStride}.`,
  );
  if (bias) expectShape(place, "bias", bias, "f32", [weight.rows]);
  if (residual && !isInPlace(args)) expectRows(rec, place, "residual", residual, "f32", rows, weight.rows);
  expectKernel(
    weight.columns % groupWeights(weight.type) === 0,
    place,
    `columns do not divide into ${weight.type} groups.`,
  );
  for (const input of [x.tensor, xRows, bias])
    expectKernel(input?.buffer !== out.buffer, place, "out shares its buffer with an input.");
}

function isInPlace({ residual, out }: TiledMatmulArgs): boolean {
  return residual?.buffer === out.buffer;
}

/** Tensors by their names in WGSL; absent ones take no binding, of which there are eight at most. */
function tensorsOf(args: TiledMatmulArgs): [name: string, element: string, access: string, BufferSlice][] {
  const { x, xRows, bias, residual, out } = args;
  const tensors: ReturnType<typeof tensorsOf> = [
    ["x", x.kind === "packed" ? "vec4<u32>" : "vec4f", "read", x.tensor],
    ["out", "f32", "read_write", out],
  ];
  if (xRows) tensors.push(["xRows", "u32", "read", xRows]);
  if (bias) tensors.push(["bias", "f32", "read", bias]);
  if (residual && !isInPlace(args)) tensors.push(["residual", "f32", "read", residual]);
  return tensors;
}

/** Binding of the weights' first plane. */
export function firstPlaneOf(args: TiledMatmulArgs): number {
  return 1 + tensorsOf(args).length;
}

/**
 * Declares the step, all tensors but the weights, and
 *
 *   override columns, sliceRows: u32          K, and the weight rows of this slice
 *   const xStride: u32                        words of 16 bytes in a row of x
 *   const normalize: bool
 *   fn xStart(r: u32) -> u32                  where the row of x begins that belongs to row r of out
 *   fn rowFactor(squares: f32) -> f32         f(r), by the sum of the row's squares
 *   fn store(r: u32, n: u32, sum: f32)        writes the sum of row r with the slice's weight row n
 */
export function tiledSource(args: TiledMatmulArgs): string {
  const { x, xRows, normalize, bias } = args;
  const bindings = tensorsOf(args).map(
    ([name, element, access], i) =>
      `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}: array<${element}>;\n`,
  );
  const xWords = x.tensor.shape.slice(1).reduce((a, b) => a * b, 1);
  const added = [
    bias ? "bias[column]" : "",
    isInPlace(args) ? "out[at]" : args.residual ? "residual[r * outColumns + column]" : "",
  ].filter(Boolean);
  return `${stepSource(0)}${bindings.join("")}${constSource({ xStride: xWords / 4 })}
const normalize = ${normalize !== undefined};
override columns: u32;
override sliceRows: u32;
override sliceStart: u32;
override outColumns: u32;
override outStart: u32;
override outStride: u32;
override eps: f32 = 0.0;
fn xStart(r: u32) -> u32 {
  return ${xRows ? "xRows[r]" : "r"} * xStride;
}
fn rowFactor(squares: f32) -> f32 {
  return ${normalize ? "inverseSqrt(squares / f32(columns) + eps)" : "1.0"};
}
fn store(r: u32, n: u32, sum: f32) {
  let column = sliceStart + n;
  let at = r * outStride + outStart + column;
  out[at] = ${["sum", ...added].join(" + ")};
}
`;
}

/** Override constants of {@link tiledSource}. */
export function tiledConstants(args: TiledMatmulArgs, slice: WeightSlice): Record<string, number> {
  const { weight, normalize, outStart = 0, outStride = weight.rows, rows } = args;
  return {
    ...rowConstants(rows),
    columns: weight.columns,
    sliceRows: slice.rowCount,
    sliceStart: slice.rowStart,
    outColumns: weight.rows,
    outStart,
    outStride,
    ...(normalize && { eps: normalize.eps }),
  };
}

/** Bindings of {@link tiledSource} and the format's planes. */
export function tiledBindings(rec: Recording, args: TiledMatmulArgs, slice: WeightSlice): BufferSlice[] {
  return [rec.step, ...tensorsOf(args).map(([, , , tensor]) => tensor), ...slice.planes];
}

/** Sizes of a tile of outputs, which a workgroup makes. */
export interface Tile {
  /** Weight rows per thread. */
  threadN: number;
  /** Rows of x per thread. */
  threadR: number;
  /** Threads along N. */
  teamN: number;
  /** Threads along R. */
  teamR: number;
}

/** Workgroups for a step: tiles of weight rows in x, tiles of rows in y. */
export function tileGrid(args: TiledMatmulArgs, slice: WeightSlice, tile: Tile) {
  const { threadN, threadR, teamN, teamR } = tile;
  return (step: Recording["maxStep"]) =>
    [
      Math.ceil(slice.rowCount / (threadN * teamN)),
      Math.ceil(rowsOf(args.rows, step) / (threadR * teamR)),
    ] as const;
}
