/** One row's attention in each head, in double precision. */

export interface AttentionRefArgs {
  /** (H · E) */
  q: ArrayLike<number>;
  /** (S, H · E) */
  k: ArrayLike<number>;
  v: ArrayLike<number>;
  heads: number;
  headWidth: number;
  scale: number;
  /** The keys that the row sees, from the first. */
  visible: number;
}

export function cachedAttentionRef({ q, k, v, heads, headWidth: E, scale, visible }: AttentionRefArgs) {
  const width = heads * E;
  const out = new Float64Array(width);
  const scores = new Float64Array(heads * visible);
  for (let h = 0; h < heads; h++) {
    const own = scores.subarray(h * visible, (h + 1) * visible);
    for (let s = 0; s < visible; s++)
      for (let e = 0; e < E; e++) own[s]! += scale * q[h * E + e]! * k[s * width + h * E + e]!;
    const weights = own.map((score) => Math.exp(score - Math.max(...own)));
    const sum = weights.reduce((a, b) => a + b, 0);
    for (let e = 0; e < E; e++)
      for (let s = 0; s < visible; s++) out[h * E + e]! += (weights[s]! / sum) * v[s * width + h * E + e]!;
  }
  return { out, scores };
}
