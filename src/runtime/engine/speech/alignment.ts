/**
 * When each token was said: the cheapest way through the cross-attention of tokens to audio (dynamic time warping).
 * Source: `find_alignment` in openai/whisper's timing.py; Giorgino 2009, doi:10.18637/jss.v031.i07, for the warping.
 */

import { logSumExp } from "./logitRules.ts";

/** Audio positions over which the median is taken: attention jumps about. */
const medianWidth = 7;

/** Sums the attention of several heads, each made comparable: mean 0 and deviation 1 over the tokens. */
export class AttentionSum {
  /** (T, S) */
  readonly #sum: Float64Array;

  /**
   * @param rows T: tokens whose attention is given
   * @param positions of the window that are audio; what lies behind is left out
   */
  constructor(
    readonly rows: number,
    readonly positions: number,
  ) {
    this.#sum = new Float64Array(rows * positions);
  }

  /** @param scores (T, S) with S at least `positions`, before the softmax */
  add(scores: Float32Array): void {
    const { rows, positions } = this;
    const stride = scores.length / rows;
    const own = new Float64Array(rows * positions);
    for (let t = 0; t < rows; t++) {
      const row = scores.subarray(t * stride, t * stride + positions);
      const all = logSumExp(row);
      for (let s = 0; s < positions; s++) own[t * positions + s] = Math.exp(row[s]! - all);
    }
    for (let s = 0; s < positions; s++) {
      let mean = 0;
      for (let t = 0; t < rows; t++) mean += own[t * positions + s]! / rows;
      let variance = 0;
      for (let t = 0; t < rows; t++) variance += (own[t * positions + s]! - mean) ** 2 / rows;
      const inverse = variance > 0 ? 1 / Math.sqrt(variance) : 0;
      for (let t = 0; t < rows; t++) own[t * positions + s] = (own[t * positions + s]! - mean) * inverse;
    }
    for (let t = 0; t < rows; t++) {
      const row = medianFiltered(own.subarray(t * positions, (t + 1) * positions));
      for (let s = 0; s < positions; s++) this.#sum[t * positions + s]! += row[s]!;
    }
  }

  /** The attention of rows `from` to `to` (without it), (to - from, positions). */
  slice(from: number, to: number): Float64Array {
    return this.#sum.subarray(from * this.positions, to * this.positions);
  }
}

/** The median around each value; beyond the ends the values are mirrored. */
export function medianFiltered(values: Float64Array): Float64Array {
  const reach = medianWidth >> 1;
  if (values.length <= reach) return values;
  const last = values.length - 1;
  const window = new Float64Array(medianWidth);
  return values.map((_, i) => {
    for (let k = 0; k < medianWidth; k++) {
      const at = Math.abs(i + k - reach);
      window[k] = values[at > last ? 2 * last - at : at]!;
    }
    return window.slice().sort()[reach]!;
  });
}

/**
 * For each row the first column of the path of the largest sum from the first row and column to the last: steps go to the
 * next row, the next column, or both.
 * @param scores (rows, columns)
 */
export function firstColumns(scores: Float64Array, rows: number, columns: number): number[] {
  const stride = columns + 1;
  const best = new Float64Array((rows + 1) * stride).fill(Number.NEGATIVE_INFINITY);
  /** 0: from both, 1: from the row before, 2: from the column before. */
  const steps = new Uint8Array((rows + 1) * stride);
  best[0] = 0;
  for (let i = 1; i <= rows; i++)
    for (let j = 1; j <= columns; j++) {
      const both = best[(i - 1) * stride + j - 1]!;
      const row = best[(i - 1) * stride + j]!;
      const column = best[i * stride + j - 1]!;
      const step = both > row && both > column ? 0 : row > both && row > column ? 1 : 2;
      steps[i * stride + j] = step;
      best[i * stride + j] = scores[(i - 1) * columns + j - 1]! + [both, row, column][step]!;
    }
  const firsts = new Array<number>(rows).fill(0);
  let [i, j] = [rows, columns];
  while (i > 0 && j > 0) {
    firsts[i - 1] = j - 1;
    const step = steps[i * stride + j];
    if (step !== 2) i--;
    if (step !== 1) j--;
  }
  return firsts;
}
