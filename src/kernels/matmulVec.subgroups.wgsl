// Sums over the threads of a row, which are a workgroup: first within subgroups, then over them in their order.
// Nothing is assumed about a subgroup's size or which threads it holds.

struct Lanes {
  @builtin(subgroup_id) subgroup: u32,
  @builtin(num_subgroups) subgroups: u32,
}

var<workgroup> partial: array<vec4f, threadsPerRow>;

fn sumLanes(value: vec4f, lanes: Lanes, lane: u32) -> vec4f {
  let sum = subgroupAdd(value);
  if (subgroupElect()) {
    partial[lanes.subgroup] = sum;
  }
  workgroupBarrier();
  var total = partial[0];
  for (var s = 1u; s < lanes.subgroups; s++) {
    total += partial[s];
  }
  workgroupBarrier();
  return total;
}
