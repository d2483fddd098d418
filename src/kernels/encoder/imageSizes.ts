/** Sizes of an image, which are known when it comes: in a buffer, so that all images share pipelines. */

import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectShape } from "../checks.ts";
import { constSource } from "../prelude.ts";

/** u32 (4): height and width of the image as it came, and of what it is resized to; all at most 16,384. */
export function expectImageSizes(label: string, sizes: Tensor): void {
  expectShape(label, "sizes", sizes, "u32", [4]);
}

/** Declares `sizes` at a binding: (height, width) of the input, then of the output. */
export function imageSizesSource(binding: number): string {
  return `@group(0) @binding(${binding}) var<storage, read> sizes: array<vec2<u32>, 2>;\n`;
}

/**
 * Declares `patchPlace(row)`: row and column of a patch in the resized image, of patches in rows, or in squares of `merge` by
 * `merge` patches in rows. After {@link imageSizesSource}.
 */
export function patchPlaceSource(patchSize: number, merge: number): string {
  return `${constSource({ patchSize, merge })}
fn patchPlace(row: u32) -> vec2<u32> {
  let square = row / (merge * merge);
  let inSquare = row % (merge * merge);
  let squares = max(sizes[1].y / patchSize / merge, 1u);
  return vec2(square / squares, square % squares) * merge + vec2(inSquare / merge, inSquare % merge);
}
`;
}
