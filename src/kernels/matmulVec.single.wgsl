// Sums over the threads of a row where there is one: nothing to add.

struct Lanes {
  @builtin(local_invocation_index) thread: u32,
}

fn sumLanes(value: vec4f, lanes: Lanes, lane: u32) -> vec4f {
  return value;
}
