/** How far a kernel may be from its reference, and the comparison that says so. */

import { expect } from "vitest";

export interface Tolerance {
  /** Largest |actual - expected| / (|expected| + root mean square of all expected). */
  max: number;
  /** Normalised mean square error: sum of squared errors over sum of squared expected values. */
  nmse: number;
}

/** By operation and the type it reads. Accumulation is f32 everywhere, so only what a kernel reads matters. */
export const tolerances = {
  /** Pure data movement. */
  copy: { max: 0, nmse: 0 },
  /** f32 sums of products; the references use the dequantised weights, so the type does not matter. */
  matmul: { max: 2e-5, nmse: 1e-10 },
  /** What a kernel prepared for the next matmul: packed values are within 2^-16 of their block's largest. */
  activations: { packed: { max: 2e-3, nmse: 1e-8 }, float: { max: 3e-5, nmse: 1e-10 } },
  /** Elementwise f32 with exp, sqrt or division (WGSL allows a few units in the last place). */
  elementwise: { max: 5e-6, nmse: 1e-11 },
  /** Sums over a row followed by elementwise f32. */
  rowReduction: { max: 1e-5, nmse: 1e-11 },
  /** Rotations by angles up to thousands of radians: sin and cos of f32 angles. */
  rope: { max: 1e-3, nmse: 1e-7 },
  /**
   * By what is written. RoPE and f32 sums leave errors of 1e-6 in logits of hundreds; packed activations are within 2^-16 of
   * the largest of 32.
   */
  attention: {
    f32: { max: 5e-4, nmse: 1e-8 },
    float: { max: 5e-4, nmse: 1e-8 },
    packed: { max: 2e-3, nmse: 1e-8 },
  },
  /** Values that were rounded to f16 on the way. */
  f16: { max: 1e-3, nmse: 1e-6 },
} as const;

export interface Difference {
  maxError: number;
  /** Index of the largest error. */
  at: number;
  nmse: number;
}

/** Errors of `actual` in the measures of {@link Tolerance}; NaN anywhere makes both NaN. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): Difference {
  let squares = 0;
  for (let i = 0; i < expected.length; i++) squares += expected[i]! ** 2;
  const rms = Math.sqrt(squares / expected.length);
  let errors = 0;
  let maxError = 0;
  let at = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    errors += error ** 2;
    const relative = error === 0 ? 0 : error / (Math.abs(expected[i]!) + rms);
    if (!(relative <= maxError)) {
      maxError = relative;
      at = i;
      if (Number.isNaN(relative)) break;
    }
  }
  return { maxError, at, nmse: errors === 0 ? 0 : errors / squares };
}

/** Fails unless `actual` has the length of `expected` and lies within the tolerance; NaN fails. */
export function compare(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  label = "output",
): Difference {
  expect(actual.length, `${label}: length`).toBe(expected.length);
  const result = difference(actual, expected);
  if (!(result.maxError <= tolerance.max) || !(result.nmse <= tolerance.nmse))
    expect.fail(
      `${label}: maximum error ${result.maxError} (allowed ${tolerance.max}) at ${result.at}: ` +
        `${actual[result.at]} instead of ${expected[result.at]}; NMSE ${result.nmse} (allowed ${tolerance.nmse})`,
    );
  return result;
}
