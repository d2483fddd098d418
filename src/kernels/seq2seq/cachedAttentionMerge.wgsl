// out[t, h, :] from the chunks that cachedAttention.wgsl left: each weighted by e^(its largest score - the largest of all).
// A workgroup is a head of a row, a thread a vec4 of it. Before this: the step, `rolled`, constants headQuads, heads, chunks.

@group(0) @binding(1) var<storage, read> partials: array<vec4f>; // (T, heads, chunks, headQuads + 1)
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>; // (T, heads · headQuads)

@compute @workgroup_size(headQuads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  if (group.y >= stepRows()) {
    return;
  }
  let row = group.y * heads + group.x;
  let base = row * chunks * (headQuads + 1u);
  var largest = -3.4e38;
  for (var c = 0u; c < rolled(chunks); c++) {
    largest = max(largest, partials[base + c * (headQuads + 1u) + headQuads].x);
  }
  var sum = 0.0;
  var value = vec4f();
  for (var c = 0u; c < rolled(chunks); c++) {
    let at = base + c * (headQuads + 1u);
    let factor = exp(partials[at + headQuads].x - largest);
    sum += factor * partials[at + headQuads].y;
    value += factor * partials[at + thread];
  }
  out[row * headQuads + thread] = value / sum;
}
