// out[t, :] = table[ids[t], :] + positionTable[positions[t], :], zeros where an id is out of range.
//
// One thread per 4 columns of a row. Each slice of the table has a dispatch of its own, which leaves the rows of other
// slices alone; ids beyond the whole table belong to the first.
// Before this: the step, `gridIndex`, the format of the table.

@group(0) @binding(1) var<storage, read> ids: array<u32>; // (T)
@group(0) @binding(2) var<storage, read> positions: array<u32>; // (T)
@group(0) @binding(3) var<storage, read> positionTable: array<vec4f>; // (P, D)
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>; // (T, D)

override columns: u32; // D
override tableRows: u32;
override sliceStart: u32; // first row of this slice
override sliceRows: u32;
override positionRows: u32; // P

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = gridIndex(workgroup, workgroups) * threads + thread;
  let quad = index % (columns / 4u);
  let t = index / (columns / 4u);
  if (t >= stepRows()) {
    return;
  }
  let id = ids[t];
  let row = id - sliceStart;
  let found = id >= sliceStart && row < sliceRows;
  if (!found && !(id >= tableRows && sliceStart == 0u)) {
    return;
  }
  var value = vec4f();
  if (found) {
    let group = loadGroup(row, quad / groupQuads);
    let part = quad % groupQuads / partQuads;
    value = groupScale(group, part) * quants(group, quad % groupQuads) + groupOffset(group, part);
    value += positionTable[min(positions[t], positionRows - 1u) * (columns / 4u) + quad];
  }
  out[index] = value;
}
