/** x[r, :] + table[r, :] (+ bias[:]), each sum rounded to f32. Rows of D values. */
export function addRowsRef(
  x: ArrayLike<number>,
  table: ArrayLike<number>,
  bias: ArrayLike<number> | undefined,
  D: number,
): Float32Array {
  return Float32Array.from(x, (value, i) => Math.fround(value + table[i]!) + (bias?.[i % D] ?? 0));
}
