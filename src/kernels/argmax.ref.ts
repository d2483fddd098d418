/** Reference of `argmax`: per row of (R, vocab) the lowest index of the largest value; NaN never wins. */
export function argmaxReference(logits: Float32Array, vocab: number): number[] {
  return Array.from({ length: logits.length / vocab }, (_, row) => {
    const values = [...logits.subarray(row * vocab, (row + 1) * vocab)].map((v) =>
      Number.isNaN(v) ? Number.NEGATIVE_INFINITY : v,
    );
    return values.indexOf(values.reduce((a, b) => Math.max(a, b)));
  });
}
