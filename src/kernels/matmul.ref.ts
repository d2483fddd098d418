/**
 * out[r, n] = Σ_k x[r, k] · W[n, k] + bias[n] + residual[r, n], summed in double.
 * x is (R, K), `weight` (N, K) dequantised.
 */
export function matmulRef(
  x: Float32Array | Float64Array,
  weight: Float32Array,
  columns: number,
  { bias, residual }: { bias?: Float32Array; residual?: Float32Array } = {},
): Float64Array {
  const rows = x.length / columns;
  const width = weight.length / columns;
  const out = new Float64Array(rows * width);
  for (let r = 0; r < rows; r++)
    for (let n = 0; n < width; n++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += x[r * columns + k]! * weight[n * columns + k]!;
      out[r * width + n] = sum + (bias?.[n] ?? 0) + (residual?.[r * width + n] ?? 0);
    }
  return out;
}
