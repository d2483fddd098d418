/**
 * Attention in double: q is (T, H · E), k and v are (S, H · E); row t sees keys ranges[t][0] … ranges[t][1] - 1, or all of
 * them.
 */
export function denseAttentionRef(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  c: { heads: number; headWidth: number; scale: number; ranges?: readonly (readonly [number, number])[] },
): Float64Array {
  const width = c.heads * c.headWidth;
  const out = new Float64Array(q.length);
  for (let t = 0; t < q.length / width; t++) {
    const [begin, end] = c.ranges?.[t] ?? [0, k.length / width];
    for (let h = 0; h < c.heads; h++) {
      const scores: number[] = [];
      for (let s = begin; s < end; s++) {
        let sum = 0;
        for (let e = h * c.headWidth; e < (h + 1) * c.headWidth; e++)
          sum += q[t * width + e]! * k[s * width + e]!;
        scores.push(c.scale * sum);
      }
      const largest = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - largest));
      const total = weights.reduce((a, b) => a + b, 0);
      weights.forEach((weight, i) => {
        for (let e = h * c.headWidth; e < (h + 1) * c.headWidth; e++)
          out[t * width + e]! += (weight / total) * v[(begin + i) * width + e]!;
      });
    }
  }
  return out;
}
