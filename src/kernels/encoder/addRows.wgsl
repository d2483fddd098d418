// out[r, :] = x[r, :] + table[r, :] (+ bias[:])
//
// A thread makes four neighbouring values.
// Before this: the step, `gridIndex`, `biasQuad(column)`, and as a constant rowQuads (D / 4).

@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (R, D)
@group(0) @binding(2) var<storage, read> table: array<vec4f>; // (R, D)
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>; // (R, D)

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = gridIndex(group, groups) * 64u + thread;
  if (index >= stepRows() * rowQuads) {
    return;
  }
  out[index] = x[index] + table[index] + biasQuad(index % rowQuads);
}
