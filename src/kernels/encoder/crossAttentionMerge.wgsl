// out[r, h, :] = Σ_s 2^sums[s] · parts[r, h, s, :] / Σ_s 2^sums[s]: the splits of crossAttention.wgsl as one
//
// A thread per four elements.
// Before this: the step, `gridIndex`, and as constants heads, headQuads, splits and threads.

@group(0) @binding(1) var<storage, read> parts: array<vec4f>; // (R, heads, splits, E)
@group(0) @binding(2) var<storage, read> sums: array<f32>; // (R, heads, splits)
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>; // (R, heads · E)

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = gridIndex(group, groups) * threads + thread;
  let first = index / headQuads * splits;
  if (index >= stepRows() * heads * headQuads) {
    return;
  }
  var largest = sums[first];
  for (var s = 1u; s < splits; s += 1u) {
    largest = max(largest, sums[first + s]);
  }
  var value = vec4f();
  var total = 0.0;
  for (var s = 0u; s < splits; s += 1u) {
    let weight = exp2(sums[first + s] - largest);
    value += weight * parts[(first + s) * headQuads + index % headQuads];
    total += weight;
  }
  out[index] = value / total;
}
