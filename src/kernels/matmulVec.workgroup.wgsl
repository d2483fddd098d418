// Sums over the threads of a row (a power of two of them) in workgroup memory.

struct Lanes {
  @builtin(local_invocation_index) thread: u32,
}

var<workgroup> partial: array<vec4f, threadsPerRow * rowGroups>;

fn sumLanes(value: vec4f, lanes: Lanes, lane: u32) -> vec4f {
  partial[lanes.thread] = value;
  workgroupBarrier();
  for (var stride = threadsPerRow / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) {
      partial[lanes.thread] += partial[lanes.thread + stride];
    }
    workgroupBarrier();
  }
  let total = partial[lanes.thread - lane];
  workgroupBarrier();
  return total;
}
