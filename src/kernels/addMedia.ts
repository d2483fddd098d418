/** Rows of media added to the residual stream at their places: DeepStack. */

import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import wgsl from "./addMedia.wgsl?raw";
import { expectKernel, expectRows } from "./checks.ts";
import {
  constSource,
  foldWorkgroups,
  gridSource,
  type RowCount,
  rowConstants,
  rowsOf,
  stepSource,
} from "./prelude.ts";
import { mediaId } from "./rowFetch.ts";

export interface AddMediaArgs {
  /** D is a multiple of 4. */
  x: Tensor; // (T, D) f32
  /** As of `rowFetch`: `mediaId` + a row of media, or text, to which nothing is added. */
  ids: Tensor; // (T) u32
  media: Tensor; // (M, D) f32
  rows: RowCount;
}

/**
 * x[t, :] += media[ids[t] - mediaId, :] for the rows of a step that stand for media.
 * Source: Meng et al. 2024 (DeepStack), arXiv:2406.04334.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function addMedia(rec: Recording, args: AddMediaArgs, label: string): void {
  const { x, ids, media, rows } = args;
  const place = `addMedia ${label}`;
  const [mediaRows = 0, D = 0] = media.shape;
  expectKernel(
    media.dtype === "f32" && media.shape.length === 2 && D > 0 && D % 4 === 0 && mediaRows < mediaId,
    place,
    `media is ${media.dtype} (${media.shape.join(", ")}) and should be f32 (rows, a multiple of 4).`,
  );
  expectRows(rec, place, "x", x, "f32", rows, D);
  expectRows(rec, place, "ids", ids, "u32", rows, 1);
  expectKernel(media.buffer !== x.buffer, place, "x is in the buffer of media.");
  rec.dispatch({
    label: place,
    source: [constSource({ rowQuads: D / 4, mediaRows, mediaId }), stepSource(0), gridSource, wgsl].join(""),
    constants: rowConstants(rows),
    bindings: [rec.step, ids, media, x],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * D) / 256)),
  });
}
