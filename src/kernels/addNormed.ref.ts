/** Reference of `addNormed`: the residual behind it, (R, D); all in double. */
export function addNormedReference(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  residual: ArrayLike<number>,
  epsilon: number,
): Float64Array {
  const D = weight.length;
  const out = Float64Array.from(residual);
  for (let start = 0; start < out.length; start += D) {
    let squares = 0;
    for (let i = 0; i < D; i++) squares += x[start + i]! ** 2;
    const root = Math.sqrt(squares / D + epsilon);
    for (let i = 0; i < D; i++) out[start + i]! += (x[start + i]! / root) * weight[i]!;
  }
  return out;
}
