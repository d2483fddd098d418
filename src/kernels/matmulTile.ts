/** What the matmul kernels for many rows share: the size of a tile, and the WGSL around it. */

import type { Recording } from "../runtime/gpu/recording.ts";
import type { WeightSlice } from "../runtime/gpu/tensor.ts";
import { type Activations, activationShape } from "./activations.ts";
import { formatBindings } from "./formats/formats.ts";
import { matmulActivationSource } from "./matmulActivation.ts";
import type { MatmulArgs } from "./matmulArgs.ts";
import floatWgsl from "./matmulTiled.float.wgsl?raw";
import packedWgsl from "./matmulTiled.packed.wgsl?raw";
import plainWgsl from "./matmulTiled.plain.wgsl?raw";
import { plainSource } from "./plainRows.ts";
import { BindingList, constSource, rowConstants, rowsOf, stepSource } from "./prelude.ts";

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
export function tileGrid({ rows }: MatmulArgs, slice: WeightSlice, tile: Tile) {
  const { threadN, threadR, teamN, teamR } = tile;
  return (step: Recording["maxStep"]) =>
    [
      Math.ceil(slice.rowCount / (threadN * teamN)),
      Math.ceil(rowsOf(rows, step) / (threadR * teamR)),
    ] as const;
}

/** WGSL by which tiles read rows of each kind. */
export const tileReaders = { float: floatWgsl, packed: packedWgsl, plain: plainWgsl };

/**
 * Declares the step, all tensors but the weights (whose planes come next, see `bindings`), and
 *
 *   override columns, sliceRows: u32          K, and the weight rows of this slice
 *   const normalize: bool
 *   fn xStart(r: u32) -> u32                  the 16-byte word of `x` where the row begins that row r of out is made of
 *   fn rowFactor(squares: f32) -> f32         the norm's factor, by the sum of the row's squares
 *   fn store(r: u32, n: u32, sum: f32)        writes the sum of row r with the slice's weight row n
 */
export function tileFrame(rec: Recording, args: MatmulArgs, slice: WeightSlice) {
  const { x, xRows, weight, normalize, out, outStart = 0, outStride = weight.rows } = args;
  const { bias, activation, residual } = args;
  const bindings = new BindingList();
  const inPlace = residual?.buffer === out.buffer;
  const biased = `sum${bias ? " + bias[column]" : ""}`;
  const value = activation ? `activate(${biased})` : biased;
  const addition = inPlace ? " + out[at]" : residual ? " + residual[at]" : "";
  const source = [
    stepSource(bindings.add(rec.step)),
    bindings.declare("read", "x", x.kind === "packed" ? "vec4<u32>" : "vec4f", x.tensor),
    bindings.declare("read_write", "out", "f32", out),
    xRows ? bindings.declare("read", "xRows", "u32", xRows) : "",
    bias ? bindings.declare("read", "bias", "f32", bias) : "",
    residual && !inPlace ? bindings.declare("read", "residual", "f32", residual) : "",
    matmulActivationSource(activation),
    x.kind === "plain" ? plainSource(x, "x") : rowStartSource(x),
    `const normalize = ${normalize !== undefined};
override columns: u32;
override sliceRows: u32;
override sliceStart: u32; // first weight row of this slice
override outStart: u32;
override outStride: u32;
override eps: f32 = 0.0;
fn xStart(r: u32) -> u32 {
  return ${x.kind === "plain" ? "plainStart" : "rowStart"}(${xRows ? "xRows[r]" : "r"});
}
fn rowFactor(squares: f32) -> f32 {
  return inverseSqrt(squares / f32(columns) + eps);
}
fn store(r: u32, n: u32, sum: f32) {
  let column = outStart + sliceStart + n;
  let at = r * outStride + column;
  out[at] = ${value}${addition};
}
`,
  ].join("");
  const firstPlane = bindings.slices.length;
  const format = formatBindings(weight.type, slice);
  for (const plane of format.bindings) bindings.add(plane);
  return {
    source,
    firstPlane,
    bindings: bindings.slices,
    constants: {
      ...rowConstants(args.rows),
      ...format.constants,
      columns: weight.columns,
      sliceRows: slice.rowCount,
      sliceStart: slice.rowStart,
      outStart,
      outStride,
      ...(normalize && { eps: normalize.eps }),
    },
  };
}

function rowStartSource({ kind, width }: Activations): string {
  const words = activationShape(kind, 1, width).reduce((a, b) => a * b, 1);
  return `${constSource({ xStride: words / 4 })}fn rowStart(r: u32) -> u32 {
  return r * xStride;
}
`;
}
