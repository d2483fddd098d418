// What the matmul kernels share: their arguments and how a sum becomes an output.
// Before this: the step at binding 0. After it: the format of the weights from binding 5 on.

override columns: u32; // K
override outWidth: u32; // N, weight rows of all slices
override sliceStart: u32; // first weight row of this slice
override sliceRows: u32;
override hasBias: bool = false;
override hasResidual: bool = false; // adds a tensor other than out
override accumulate: bool = false; // adds what out holds

@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (R, K / 4)
@group(0) @binding(2) var<storage, read> bias: array<f32>; // (N)
@group(0) @binding(3) var<storage, read> residual: array<f32>; // (R, N)
@group(0) @binding(4) var<storage, read_write> out: array<f32>; // (R, N)

/// Writes the sum of x row `r` and the slice's weight row `n`.
fn store(r: u32, n: u32, sum: f32) {
  let column = sliceStart + n;
  let at = r * outWidth + column;
  var value = sum;
  if (hasBias) {
    value += bias[column];
  }
  if (hasResidual) {
    value += residual[at];
  }
  if (accumulate) {
    value += out[at];
  }
  out[at] = value;
}
