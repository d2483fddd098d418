/** Patches of an image as rows: with a matmul, the convolution that embeds them. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import { roundUp, type Tensor } from "../../runtime/gpu/tensor.ts";
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
import { expectImageSizes, imageSizesSource, patchPlaceSource } from "./imageSizes.ts";
import wgsl from "./patchRows.wgsl?raw";

export interface PatchRowsArgs {
  /** Of the size that `sizes` says; what is no whole patch at its end is left out, what lies behind it is zeros. */
  image: Tensor; // (frames, channels, height, width) f32
  sizes: Tensor; // (4) u32; see imageSizes.ts
  /** 1 for grey images, 3 for RGB. */
  channels: number;
  /** Images that make one patch: 2 where a convolution takes two frames of a video. @default 1 */
  frames?: number;
  /** P. */
  patchSize: number;
  /** Patches come in squares of so many by so many: 2 for the order of Qwen-VL. @default 1: in rows */
  merge?: number;
  /** (R, {@link patchColumns}). */
  out: Tensor;
  rows: RowCount;
}

/** Values of a patch, and zeros up to a multiple of 8, as matmuls want: weights need zeros there too. */
export function patchColumns({
  channels,
  frames = 1,
  patchSize,
}: Pick<PatchRowsArgs, "channels" | "frames" | "patchSize">): number {
  return roundUp(channels * frames * patchSize ** 2, 8);
}

/**
 * out[r, :] = the values of patch r in the order (channel, frame, row, column): that of the weights of the convolution
 * (N, channels, frames, P, P), so that weights (N, columns) with bias, and positions as residual, make the embedding.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function patchRows(rec: Recording, args: PatchRowsArgs, label: string): void {
  const { image, sizes, channels, frames = 1, patchSize, merge = 1, out, rows } = args;
  const place = `patchRows ${label}`;
  expectSize(place, "channels", channels, 1, 16);
  expectSize(place, "frames", frames, 1, 16);
  expectSize(place, "patchSize", patchSize, 1, 256);
  expectSize(place, "merge", merge, 1, 16);
  expectImageSizes(place, sizes);
  expectKernel(image.dtype === "f32", place, `image is ${image.dtype} and should be f32.`);
  const columns = patchColumns(args);
  expectRows(rec, place, "out", out, "f32", rows, columns);
  expectKernel(image.buffer !== out.buffer, place, "out is in the buffer of image.");
  rec.dispatch({
    label: place,
    source: [
      constSource({ channels, frames, outQuads: columns / 4 }),
      stepSource(0),
      gridSource,
      imageSizesSource(2),
      patchPlaceSource(patchSize, merge),
      wgsl,
    ].join(""),
    constants: rowConstants(rows),
    bindings: [rec.step, image, sizes, out],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * columns) / 256)),
  });
}
