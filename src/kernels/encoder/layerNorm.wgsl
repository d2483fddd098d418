// out[r, :] = (x[r, :] - mean) / √(variance + epsilon) · weight + bias
//
// `team` threads share a row, four neighbouring values each at a time. Three passes over a row, of which the first brings
// it into the cache: the variance is that of differences to the mean, which no offset of the row can spoil.
// Before this: the step, `gridIndex`, `rolled`, and as constants threads, team and columnQuads (D / 4).

@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (R, D)
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (D)
@group(0) @binding(3) var<storage, read> bias: array<vec4f>; // (D)
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>; // (R, D)

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
  workgroupBarrier();
  return sum;
}

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = gridIndex(group, groups) * (threads / team) + thread / team;
  let lane = thread % team;
  let present = row < stepRows();
  let start = min(row, stepRows() - 1u) * columnQuads;

  var total = vec4f();
  for (var quad = lane; quad < rolled(columnQuads); quad += team) {
    total += x[start + quad];
  }
  let mean = teamSum(thread, total) / f32(4u * columnQuads);
  var squares = vec4f();
  for (var quad = lane; quad < rolled(columnQuads); quad += team) {
    let difference = x[start + quad] - mean;
    squares += difference * difference;
  }
  let factor = inverseSqrt(teamSum(thread, squares) / f32(4u * columnQuads) + epsilon);
  if (present) {
    for (var quad = lane; quad < rolled(columnQuads); quad += team) {
      out[start + quad] = (x[start + quad] - mean) * factor * weight[quad] + bias[quad];
    }
  }
}
