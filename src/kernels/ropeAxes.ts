/** Rotations by positions with several coordinates: what turns each pair of a head. */

import type { PairAxis } from "./rope.ts";

/**
 * M-RoPE: of the pairs in order, sections[0] are turned by time, sections[1] by rows, sections[2] by columns, each at its usual
 * frequency. The sections add up to the pairs of a head.
 * Source: Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191.
 */
export function mropeAxes(sections: readonly number[]): PairAxis[] {
  return withExponents(sections.flatMap((count, axis) => Array<number>(count).fill(axis)));
}

/**
 * Interleaved M-RoPE: time, row, column in turn while rows and columns have pairs left, then time.
 * Source: Bai et al. 2025 (Qwen3-VL), arXiv:2511.21631, and the model's code in transformers.
 */
export function interleavedMropeAxes(sections: readonly [number, number, number]): PairAxis[] {
  const pairs = sections[0] + sections[1] + sections[2];
  return withExponents(
    Array.from({ length: pairs }, (_, pair) => {
      const axis = pair % 3;
      return pair < 3 * sections[axis]! ? axis : 0;
    }),
  );
}

/**
 * Vision transformers: the first half of the pairs is turned by the row, the second by the column, both over all frequencies.
 * Source: Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191.
 * @param headWidth a multiple of 4
 */
export function visionAxes(headWidth: number): PairAxis[] {
  const half = headWidth / 4;
  return Array.from({ length: 2 * half }, (_, pair) => ({
    axis: Math.floor(pair / half),
    exponent: (pair % half) / half,
  }));
}

function withExponents(axes: number[]): PairAxis[] {
  return axes.map((axis, pair) => ({ axis, exponent: pair / axes.length }));
}
