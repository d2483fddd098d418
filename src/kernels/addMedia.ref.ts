/** x (T, D) with the rows of media of those tokens that have one; undefined is text. */
export function addMediaRef(
  x: ArrayLike<number>,
  rowOf: readonly (number | undefined)[],
  media: ArrayLike<number>,
  D: number,
): Float32Array {
  return Float32Array.from(x, (value, i) => {
    const row = rowOf[Math.floor(i / D)];
    return row === undefined ? value : value + media[row * D + (i % D)]!;
  });
}
