/** Whether two variants of a kernel compute the same. */

/**
 * Whether results can tell a right variant from a wrong one: they are finite, and the first list, which has the values
 * themselves, is not zero. Others may be: nobody needs the squares of a gated product.
 */
export function isEvidence(results: readonly Float32Array[]): boolean {
  return results.every((values) => values.every(Number.isFinite)) && !!results[0]?.some((v) => v !== 0);
}

/** Whether results agree but for rounding. NaN agrees with nothing. */
export function agree(expected: readonly Float32Array[], actual: readonly Float32Array[]): boolean {
  return expected.length === actual.length && expected.every((values, i) => agreeAll(values, actual[i]!));
}

function agreeAll(expected: Float32Array, actual: Float32Array): boolean {
  if (expected.length !== actual.length) return false;
  let squares = 0;
  let largest = 0;
  for (const value of expected) {
    squares += value * value;
    largest = Math.max(largest, Math.abs(value));
  }
  // Sums of terms that cancel are as exact as the terms; packed values are within 2^-16 of the largest of their block.
  const tolerance = 1e-3 * Math.sqrt(squares / Math.max(expected.length, 1)) + 1e-4 * largest;
  return expected.every((value, i) => Math.abs(value - actual[i]!) <= tolerance + 1e-3 * Math.abs(value));
}
