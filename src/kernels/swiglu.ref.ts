/** Reference of `swiglu`: silu(gate) · up, elementwise, in double. */
export function swigluReference(gate: Float32Array, up: Float32Array): Float64Array {
  return Float64Array.from(gate, (g, i) => (g / (1 + Math.exp(-g))) * up[i]!);
}
