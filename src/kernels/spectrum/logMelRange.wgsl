// out = (max(out, largest of all - 8) + 4) / 4, in place
//
// Every workgroup finds the largest for itself: a second pass over one number for each group of frames costs less than a
// dispatch. A thread has quadsEach vec4s.
// Before this: the step, `rolled`, and as constants groupFrames, rowQuads (M / 4), quadsEach and threads.

@group(0) @binding(1) var<storage, read> largest: array<f32>; // (T / groupFrames)
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>; // (T, M)

var<workgroup> folds: array<f32, threads>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  var most = largest[0];
  for (var i = thread; i < (stepRows() + groupFrames - 1u) / groupFrames; i += threads) {
    most = max(most, largest[i]);
  }
  folds[thread] = most;
  workgroupBarrier();
  for (var i = 0u; i < rolled(threads); i += 1u) {
    most = max(most, folds[i]);
  }
  for (var i = 0u; i < quadsEach; i++) {
    let at = (group.x * quadsEach + i) * threads + thread;
    if (at < stepRows() * rowQuads) {
      out[at] = 0.25 * max(out[at], vec4f(most - 8.0)) + 1.0;
    }
  }
}
