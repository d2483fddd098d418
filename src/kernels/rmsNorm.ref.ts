/** Reference of `rmsNorm`: x (R, width) and weight (width) to (R, width), in double. */
export function rmsNormReference(
  x: Float32Array,
  weight: Float32Array,
  width: number,
  eps: number,
): Float64Array {
  const out = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += x[start + i]! ** 2;
    const root = Math.sqrt(sum / width + eps);
    for (let i = 0; i < width; i++) out[start + i] = (x[start + i]! / root) * weight[i]!;
  }
  return out;
}
