// x[t, h, :] turned by the position of row t, in place
//
// A thread has four neighbouring pairs of a row, and turns them in all heads: an angle is found once.
// Before this: the step, `rolled`, `gridIndex`, rope.ts, and as constants heads, pairQuads (E / 8), and where the heads of a
// row start, with the row's stride (in vec4s).

@group(0) @binding(1) var<storage, read_write> x: array<vec4f>; // (T, rowQuads)
@group(0) @binding(2) var<storage, read> positions: array<u32>; // (T, axisCount)

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = gridIndex(group, groups) * 64u + thread;
  let row = index / pairQuads;
  let quad = index % pairQuads;
  if (row >= stepRows()) {
    return;
  }
  var cosines: vec4f;
  var sines: vec4f;
  for (var i = 0u; i < 4u; i++) {
    let pair = 4u * quad + i;
    let turn = rotation(positions[row * axisCount + pairAxis(pair)], pair);
    cosines[i] = turn.x;
    sines[i] = turn.y;
  }
  for (var head = 0u; head < rolled(heads); head += 1u) {
    let at = row * rowQuads + rowStart + head * 2u * pairQuads + quad;
    let first = x[at];
    let second = x[at + pairQuads];
    x[at] = first * cosines - second * sines;
    x[at + pairQuads] = first * sines + second * cosines;
  }
}
