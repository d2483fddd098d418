// out[t, :] = table[ids[t], :], zeros where an id is out of range.
//
// One thread per 4 columns of a row. Each slice of the table has a dispatch of its own, which leaves the rows of
// other slices alone; ids beyond the whole table belong to the first.
// Before this: the step at binding 0, the format of the table from binding 3 on.

override columns: u32; // D
override tableRows: u32;
override sliceStart: u32; // first row of this slice
override sliceRows: u32;

@group(0) @binding(1) var<storage, read> ids: array<u32>; // (T)
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>; // (T, D / 4)

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let rowQuads = columns / 4u;
  let index = gridIndex(workgroup, workgroups) * 64u + local;
  let t = index / rowQuads;
  if (t >= stepRows()) {
    return;
  }
  let id = ids[t];
  let row = id - sliceStart;
  if (id >= sliceStart && row < sliceRows) {
    let column = index % rowQuads;
    let group = loadGroup(row, column / groupQuads);
    let quad = column % groupQuads;
    let part = quad / partQuads;
    out[index] = groupScale(group, part) * quants(group, quad) + groupOffset(group, part);
  } else if (id >= tableRows && sliceStart == 0u) {
    out[index] = vec4f();
  }
}
