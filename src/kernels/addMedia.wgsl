// x[t, :] += media[row of ids[t], :], where ids[t] stands for a row of media
//
// A thread adds four neighbouring values.
// Before this: the step, `gridIndex`, and as constants rowQuads (D / 4) and mediaRows (M).

@group(0) @binding(1) var<storage, read> ids: array<u32>; // (T)
@group(0) @binding(2) var<storage, read> media: array<vec4f>; // (M, D)
@group(0) @binding(3) var<storage, read_write> x: array<vec4f>; // (T, D)

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = gridIndex(group, groups) * 64u + thread;
  let t = index / rowQuads;
  if (t >= stepRows()) {
    return;
  }
  let row = ids[t] - mediaId; // text wraps around
  if (row < mediaRows) {
    x[index] += media[row * rowQuads + index % rowQuads];
  }
}
