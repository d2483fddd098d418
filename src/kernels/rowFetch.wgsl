// out[t, :] = table[ids[t], :] · tableScale, zeros where an id is out of range; and the same rows times a norm's weight as activations.
//
// One thread per 4 columns of a row. Each slice of the table has a dispatch of its own, which leaves the rows of
// other slices alone; ids beyond the whole table belong to the first. An id with its highest bit set is that of a sampling
// slot: the token last drawn for it. An id with the bit below set is a row of media, which is taken as it is.
// Before this: the step, `gridIndex`, the format of the table, `storeActivations`, `mediaValue`, and what is bound.

override columns: u32; // D
override tableRows: u32;
override tableScale: f32 = 1.0; // of rows of the table, not of media
override sliceStart: u32; // first row of this slice
override sliceRows: u32;

@compute @workgroup_size(activationThreads)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  // Eight threads to a block of 32 columns, of which the last may be short.
  let index = gridIndex(workgroup, workgroups) * activationThreads + thread;
  let block = index / 8u % outBlocks;
  let t = index / 8u / outBlocks;
  let column = block * 32u + index % 8u * 4u;
  var mine = false;
  var value = vec4f();
  if (t < stepRows()) {
    var id = ids[t];
    if (id >= 0x80000000u) {
      id = sampled[id & 0x7fffffffu];
    }
    let row = id - sliceStart;
    let found = id >= sliceStart && row < sliceRows;
    mine = found || (id >= tableRows && sliceStart == 0u);
    if (found && column < columns) {
      let quad = column / 4u;
      let group = loadGroup(row, quad / groupQuads);
      let part = quad % groupQuads / partQuads;
      value = groupScale(group, part) * quants(group, quad % groupQuads) + groupOffset(group, part);
      value *= tableScale;
    }
    if (hasMedia && id >= 0x40000000u && mine && column < columns) {
      value = mediaValue(id & 0x3fffffffu, column / 4u);
    }
    if (mine && column < columns) {
      out[(t * columns + column) / 4u] = value;
    }
  }
  let weighted = value * nextWeight[min(column, columns - 4u) / 4u];
  storeActivations(thread, mine, t, block, weighted, dot(value, value));
}
