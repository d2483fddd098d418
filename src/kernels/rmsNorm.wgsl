// out[r, :] = x[r, :] / sqrt(mean(x[r, :]²) + eps) · weight
//
// One row is the work of `rowThreads` threads (16, 64 or 256); a workgroup holds groupThreads / rowThreads rows.
// Sums pass through workgroup memory in two hops of at most 16 values: two barriers at any width, and no subgroups.
//
// The TypeScript side declares `Value` (vec4<f32>, or f32 where the width is not a multiple of 4), `squares(Value)`,
// and the bindings `x` (0) and `out` (3): in place, only `out` at binding 0. `xAt(i)` reads x either way.

@group(0) @binding(1) var<storage, read> weight: array<Value>; // (width)

override groupThreads: u32 = 64u;
override rowThreads: u32 = 64u;
/// Values (not floats) per row.
override rowValues: u32;
override inverseWidth: f32;
override eps: f32;

var<workgroup> sums: array<f32, groupThreads>;
var<workgroup> hops: array<f32, groupThreads>;

@compute @workgroup_size(groupThreads)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % rowThreads;
  let firstThread = thread - lane;
  let row = gridIndex(group, groups) * (groupThreads / rowThreads) + thread / rowThreads;
  // Rows past the end have nothing to read or write but take part in the barriers.
  let end = select(0u, rowValues, row < stepRows());
  let start = row * rowValues;

  var sum = 0.0;
  for (var i = lane; i < end; i += rowThreads) {
    sum += squares(xAt(start + i));
  }
  sums[thread] = sum;
  workgroupBarrier();
  var total = 0.0;
  if (lane < 16u) {
    for (var i = lane; i < rowThreads; i += 16u) {
      total += sums[firstThread + i];
    }
    hops[firstThread + lane] = total;
  }
  workgroupBarrier();
  total = 0.0;
  for (var i = 0u; i < 16u; i += 1u) {
    total += hops[firstThread + i];
  }

  let scale = 1.0 / sqrt(total * inverseWidth + eps);
  for (var i = lane; i < end; i += rowThreads) {
    out[start + i] = xAt(start + i) * scale * weight[i];
  }
}
