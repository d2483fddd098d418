/** Columns of a step's rows into a table, each row to its place: keys and values of a decoder with learned positions. */

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
import wgsl from "./placeRows.wgsl?raw";

export interface PlaceRowsArgs {
  x: Tensor; // (T, stride) f32
  /** The first column that is taken: a multiple of 4. */
  start: number;
  /** Where each row goes. No two are alike; numbers of S and above go nowhere. */
  places: Tensor; // (T) u32
  /** In another buffer than x. */
  cache: Tensor; // (S, width) f32
  rows: RowCount;
}

/**
 * cache[places[t], :] = x[t, start : start + width] for the rows of a step.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function placeRows(rec: Recording, args: PlaceRowsArgs, label: string): void {
  const { x, start, places, cache, rows } = args;
  const place = `placeRows ${label}`;
  const [cacheRows = 0, width = 0] = cache.shape;
  const stride = x.shape.at(-1)!;
  expectRows(rec, place, "x", x, "f32", rows, stride);
  expectRows(rec, place, "places", places, "u32", rows, 1);
  expectSize(place, "start", start, 0, stride - width);
  expectKernel(
    cache.dtype === "f32" &&
      cache.shape.length === 2 &&
      [start, stride, width].every((size) => size % 4 === 0),
    place,
    `columns ${start} on of ${stride} to a cache of ${cache.dtype} (${cache.shape.join(", ")}): no multiples of 4.`,
  );
  expectKernel(x.buffer !== cache.buffer, place, "cache is in the buffer of x.");
  const threads = rec.gpu.software ? 16 : 64;
  const sizes = { startQuads: start / 4, strideQuads: stride / 4, widthQuads: width / 4, cacheRows };
  rec.dispatch({
    label: place,
    source: [constSource({ threads, ...sizes }), stepSource(0), gridSource, wgsl].join(""),
    constants: rowConstants(rows),
    bindings: [rec.step, x, places, cache],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * width) / 4 / threads)),
  });
}
