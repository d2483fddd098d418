/** Functions that a matmul applies to its sums before it stores them, as WGSL. */

/** GELU by the error function, or by tanh. Source: Hendrycks & Gimpel 2016, arXiv:1606.08415. */
export type MatmulActivation = "gelu" | "geluTanh";

/**
 * Declares `activate(x: f32) -> f32`, or nothing.
 * Source of erfc: Abramowitz & Stegun 1964, 7.1.26, whose error is below 1.5e-7.
 */
export function matmulActivationSource(activation: MatmulActivation | undefined): string {
  return activation ? sources[activation] : "";
}

const sources: Record<MatmulActivation, string> = {
  // x · Φ(x); the tail of Φ beyond |x|, so that nothing cancels. From 9 on it is zero.
  gelu: `
fn activate(x: f32) -> f32 {
  let z = min(abs(x) * 0.70710678, 9.0);
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = 0.5 * series * exp(-z * z);
  return x * select(tail, 1.0 - tail, x >= 0.0);
}
`,
  // (1 + tanh u) / 2 = 1 / (1 + e^-2u), where nothing overflows; 2 · √(2 / π) = 1.5957691.
  geluTanh: `
fn activate(x: f32) -> f32 {
  let c = clamp(x, -20.0, 20.0);
  return x / (1.0 + exp(-1.5957691 * (c + 0.044715 * c * c * c)));
}
`,
};
