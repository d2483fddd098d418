// out[r, :] = v · weight / √(mean square of v + epsilon), where v is a row of x or what its halves gate.
//
// `team` threads share a row, four neighbouring values each at a time. What is read twice is computed twice: silu costs less
// than room for it.
// Before this: the step, `gridIndex`, `rolled`, `quadOf(row, quad)`, and as constants threads, team and columnQuads (D / 4).

@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (R, D), or (R, 2D) where halves gate
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (D)
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>; // (R, D)

override epsilon: f32;

var<workgroup> shares: array<f32, threads>;

/// The sum over the thread's team.
fn teamSum(thread: u32, share: vec4f) -> f32 {
  let own = share.x + share.y + share.z + share.w;
  if (team == 1u) {
    return own;
  }
  shares[thread] = own;
  workgroupBarrier();
  let first = thread / team * team;
  var sum = 0.0;
  for (var i = 0u; i < team; i++) {
    sum += shares[first + i];
  }
  return sum;
}

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = gridIndex(group, groups) * (threads / team) + thread / team;
  let lane = thread % team;
  let row = min(index, stepRows() - 1u);

  var squares = vec4f();
  for (var quad = lane; quad < rolled(columnQuads); quad += team) {
    let value = quadOf(row, quad);
    squares += value * value;
  }
  let factor = inverseSqrt(teamSum(thread, squares) / f32(4u * columnQuads) + epsilon);
  if (index < stepRows()) {
    for (var quad = lane; quad < rolled(columnQuads); quad += team) {
      out[row * columnQuads + quad] = quadOf(row, quad) * factor * weight[quad];
    }
  }
}
