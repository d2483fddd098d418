/** Next-token distributions: from logits, and how far apart two of them are. */

/** softmax of one row of logits, in double precision. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  let best = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) best = Math.max(best, logits[i]!);
  const out = new Float64Array(logits.length);
  let total = 0;
  for (let i = 0; i < logits.length; i++) {
    out[i] = Math.exp(logits[i]! - best);
    total += out[i]!;
  }
  for (let i = 0; i < out.length; i++) out[i]! /= total;
  return out;
}

/**
 * Kullback-Leibler divergence Σ p ln(p / q) of two distributions, in nats; NaN where either holds one.
 * Rounding of p's sum is taken out, so that equal distributions give 0 whatever their precision.
 */
export function klDivergence(p: ArrayLike<number>, q: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    if (p[i]! > 0) sum += p[i]! * Math.log(p[i]! / q[i]!) - p[i]! + q[i]!;
    else sum += q[i]!;
  }
  return sum;
}
