/** Fewer and wider rows, or means of rows: how encoders hand over fewer tokens than they have. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectSize } from "../checks.ts";
import {
  constSource,
  foldWorkgroups,
  gridSource,
  type RowCount,
  rowConstants,
  rowsOf,
  stepSource,
} from "../prelude.ts";
import wgsl from "./groupRows.wgsl?raw";

interface Rows {
  x: Tensor; // (R, D)
  /** D: a multiple of 4. */
  width: number;
  /** In another buffer than x. */
  out: Tensor;
  /** R: those of x. */
  rows: RowCount;
}

/** Rows of images, row by row of height · width each. */
interface Grid {
  height: number;
  width: number;
}

export interface PixelShuffleArgs extends Rows {
  grid: Grid;
  /** Divides height and width. */
  factor: number;
}

/**
 * out[(y, x), (i · factor + j) · D + d] = x[(factor · y + i, factor · x + j), d]: squares of rows become one, factor² times as
 * wide. With factor 2 it is also the merge of Qwen-VL, whose patches come in this order if they are cut so (`patchRows`).
 * Source: Shi et al. 2016, arXiv:1609.05158, backwards; in the order of idefics3 (transformers).
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function pixelShuffle(rec: Recording, args: PixelShuffleArgs, label: string): void {
  const { grid, factor, ...rows } = args;
  groupRows(rec, rows, squares(`pixelShuffle ${label}`, grid, factor), false, `pixelShuffle ${label}`);
}

/**
 * out[(y, x), d] = the mean of x[(factor · y + i, factor · x + j), d] over i and j below factor.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function averagePool2d(rec: Recording, args: PixelShuffleArgs, label: string): void {
  const { grid, factor, ...rows } = args;
  groupRows(rec, rows, squares(`averagePool2d ${label}`, grid, factor), true, `averagePool2d ${label}`);
}

export interface StackRowsArgs extends Rows {
  /** Rows that become one. */
  count: number;
}

/**
 * out[r, i · D + d] = x[count · r + i, d], for ceil(R / count) rows; zeros behind the last one.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function stackRows(rec: Recording, { count, ...rows }: StackRowsArgs, label: string): void {
  const run = { members: count, outRows: Math.ceil, source: runSource(count, true) };
  groupRows(rec, rows, run, false, `stackRows ${label}`);
}

/**
 * out[r, d] = the mean of x[count · r … count · r + count - 1, d], for floor(R / count) rows.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function averagePool1d(rec: Recording, { count, ...rows }: StackRowsArgs, label: string): void {
  const run = { members: count, outRows: Math.floor, source: runSource(count, false) };
  groupRows(rec, rows, run, true, `averagePool1d ${label}`);
}

/** Which rows belong together. */
interface Grouping {
  members: number;
  /** Rounds the number of groups. */
  outRows: (count: number) => number;
  /** Declares `outRows()` and `sourceRow(row, member)`. */
  source: string;
}

function groupRows(rec: Recording, args: Rows, group: Grouping, mean: boolean, place: string): void {
  const { x, width, out, rows } = args;
  const { members, outRows } = group;
  expectSize(place, "width", width, 4);
  expectSize(place, "rows of a group", members, 1, 4096);
  expectKernel(width % 4 === 0, place, `width is ${width} and should be a multiple of 4.`);
  expectRows(rec, place, "x", x, "f32", rows, width);
  const outWidth = mean ? width : members * width;
  const count = outRows(rowsOf(rows, rec.maxStep) / members);
  const elements = out.shape.reduce((a, b) => a * b, 1);
  expectKernel(
    out.dtype === "f32" && out.shape.at(-1) === outWidth && elements >= count * outWidth,
    place,
    `out is ${out.dtype} (${out.shape.join(", ")}) and should be f32 (${count} or more, ${outWidth}).`,
  );
  expectKernel(x.buffer !== out.buffer, place, "out is in the buffer of x.");
  rec.dispatch({
    label: place,
    source: [
      constSource({ members, rowQuads: width / 4, mean: mean ? 1 : 0 }),
      stepSource(0),
      gridSource,
      group.source,
      wgsl,
    ].join(""),
    constants: rowConstants(rows),
    bindings: [rec.step, x, out],
    workgroups: (step) =>
      foldWorkgroups(Math.ceil((outRows(rowsOf(rows, step) / members) * outWidth) / 4 / 64)),
  });
}

function squares(place: string, { height, width }: Grid, factor: number): Grouping {
  expectSize(place, "factor", factor, 1, 64);
  expectSize(place, "height", height, 1);
  expectSize(place, "width", width, 1);
  expectKernel(
    height % factor === 0 && width % factor === 0,
    place,
    `a grid of ${height} x ${width} does not divide into squares of ${factor}.`,
  );
  return {
    members: factor * factor,
    outRows: Math.floor,
    source: `${constSource({ factor, outWidth: width / factor, gridWidth: width })}
fn outRows() -> u32 {
  return stepRows() / members;
}
// Rows of all images follow each other, and images are whole squares high: they need no index.
fn sourceRow(row: u32, member: u32) -> u32 {
  return (row / outWidth * factor + member / factor) * gridWidth + row % outWidth * factor + member % factor;
}
`,
  };
}

function runSource(count: number, padded: boolean): string {
  return `
fn outRows() -> u32 {
  return (stepRows() + ${padded ? count - 1 : 0}u) / members;
}
fn sourceRow(row: u32, member: u32) -> u32 {
  return row * members + member;
}
`;
}
