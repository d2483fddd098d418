/** One sequence's keys and values in the order of positions, each (positions, K, E). */
export interface SequenceRows {
  keys: ArrayLike<number>;
  values: ArrayLike<number>;
}

/**
 * Reference of `attention`, without pages: token t of q (T, H, E) sees the first lengths[t] positions of
 * sequences[sequence[t]], of which `window` up to windowEnds[t] and all behind that. Returns (T, H, E); all in double.
 */
export function attentionReference(
  q: ArrayLike<number>,
  sequences: readonly SequenceRows[],
  sequence: readonly number[],
  lengths: readonly number[],
  args: {
    heads: number;
    kvHeads: number;
    headWidth: number;
    scale: number;
    window?: number | undefined;
    /** @default lengths */
    windowEnds?: readonly number[] | undefined;
  },
): Float64Array {
  const { heads, kvHeads, headWidth, scale, window, windowEnds = lengths } = args;
  const out = new Float64Array(lengths.length * heads * headWidth);
  lengths.forEach((length, t) => {
    const { keys, values } = sequences[sequence[t]!]!;
    const begin = window === undefined ? 0 : Math.max(0, windowEnds[t]! - window);
    for (let head = 0; head < heads; head++) {
      const row = (t * heads + head) * headWidth;
      const kvHead = Math.floor(head / (heads / kvHeads));
      const at = (position: number) => (position * kvHeads + kvHead) * headWidth;
      const logits: number[] = [];
      for (let p = begin; p < length; p++) {
        let sum = 0;
        for (let e = 0; e < headWidth; e++) sum += q[row + e]! * keys[at(p) + e]!;
        logits.push(sum * scale);
      }
      const largest = logits.reduce((a, b) => Math.max(a, b));
      const weights = logits.map((logit) => Math.exp(logit - largest));
      const total = weights.reduce((a, b) => a + b);
      for (let e = 0; e < headWidth; e++) {
        let sum = 0;
        weights.forEach((weight, i) => {
          sum += weight * values[at(begin + i) + e]!;
        });
        out[row + e] = sum / total;
      }
    }
  });
  return out;
}
