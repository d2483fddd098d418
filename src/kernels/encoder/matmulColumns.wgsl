// out[r, n] = Σ_k x[r, k] · w[k, n]: the weights of an output lie in a column
//
// A thread makes four neighbouring outputs of `threadRows` rows, so that what it reads of w serves them all.
// Before this: the step, `rolled`, and as constants threadRows, columnQuads (K / 4) and outQuads (N / 4).

@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (R, K)
@group(0) @binding(2) var<storage, read> w: array<vec4f>; // (K, N)
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>; // (R, N)

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let quad = group.x * 64u + thread;
  let firstRow = group.y * threadRows;
  if (quad >= outQuads) {
    return;
  }
  var sums = array<vec4f, threadRows>();
  for (var k = 0u; k < rolled(columnQuads); k += 1u) {
    let w0 = w[4u * k * outQuads + quad];
    let w1 = w[(4u * k + 1u) * outQuads + quad];
    let w2 = w[(4u * k + 2u) * outQuads + quad];
    let w3 = w[(4u * k + 3u) * outQuads + quad];
    for (var r = 0u; r < threadRows; r++) {
      // Behind the last row it is repeated, and not stored.
      let value = x[min(firstRow + r, stepRows() - 1u) * columnQuads + k];
      sums[r] += value.x * w0 + value.y * w1 + value.z * w2 + value.w * w3;
    }
  }
  for (var r = 0u; r < threadRows; r++) {
    if (firstRow + r < stepRows()) {
      out[(firstRow + r) * outQuads + quad] = sums[r];
    }
  }
}
