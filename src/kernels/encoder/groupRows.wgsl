// out[r, :] = rows sourceRow(r, 0) … sourceRow(r, members - 1) of x: side by side, or their mean
//
// A thread makes four neighbouring values.
// Before this: the step, `gridIndex`, `outRows`, `sourceRow`, and as constants members, rowQuads (D / 4) and mean (0 or 1).

@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (R, D)
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

const outQuads = select(members * rowQuads, rowQuads, mean == 1u);

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = gridIndex(group, groups) * 64u + thread;
  let row = index / outQuads;
  let quad = index % outQuads;
  if (row >= outRows()) {
    return;
  }
  var value = vec4f();
  if (mean == 1u) {
    for (var member = 0u; member < members; member += 1u) {
      value += x[sourceRow(row, member) * rowQuads + quad];
    }
    value /= f32(members);
  } else {
    let source = sourceRow(row, quad / rowQuads);
    if (source < stepRows()) {
      value = x[source * rowQuads + quad % rowQuads];
    }
  }
  out[index] = value;
}
