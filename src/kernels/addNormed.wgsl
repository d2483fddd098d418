// residual[r, :] += x[r, :] · weight / √(mean square of x[r, :] + eps); the same rows times the next norm's weight as activations
//
// A workgroup has one row: it sums up the squares, then makes blocks of 32, eight threads each. The TypeScript side declares
// the step, `gridIndex`, `rolled`, `storeActivations` and what is bound.

override eps: f32;

const quads = outValues / 4u; // of a row

var<workgroup> shares: array<f32, activationThreads>;

@compute @workgroup_size(activationThreads)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = gridIndex(group, groups);
  let present = row < stepRows();
  let first = min(row, stepRows() - 1u) * quads;
  var squares = vec4f();
  for (var quad = thread; quad < rolled(quads); quad += activationThreads) {
    let value = x[first + quad];
    squares += value * value;
  }
  shares[thread] = squares.x + squares.y + squares.z + squares.w;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < rolled(activationThreads); i += 1u) {
    sum += shares[i];
  }
  let factor = inverseSqrt(sum / f32(outValues) + eps);

  for (var start = 0u; start < rolled(outBlocks * 8u); start += activationThreads) {
    let quad = start + thread;
    var value = vec4f();
    var weighted = vec4f();
    if (present && quad < quads) {
      value = residual[first + quad] + x[first + quad] * factor * weights[quad];
      residual[first + quad] = value;
      weighted = value * nextWeights[quad];
    }
    storeActivations(thread, present && quad < outBlocks * 8u, row, quad / 8u, weighted, dot(value, value));
    workgroupBarrier();
  }
}
