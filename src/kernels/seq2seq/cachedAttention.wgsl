// Of one chunk of keys, for row t and head h: the largest score, the sum of the weights e^(score - largest), and the values
// weighted so. cachedAttentionMerge.wgsl puts the chunks together.
//
// A workgroup is a chunk × a head × a row: threads take keys for the scores, then vec4s of a value (side by side, so that
// reads are whole rows) for parts of the keys.
// Before this: the step, `rolled`, constants threads, headQuads, heads, chunkKeys, chunks, keyCount, where q, k and v start,
// with their strides (in vec4s), `readK` and `readV` at bindings 2 and 3, `visibleKeys`, `storeScore`.

@group(0) @binding(1) var<storage, read> q: array<vec4f>; // (T, qStride)
@group(0) @binding(4) var<storage, read_write> partials: array<vec4f>; // (T, heads, chunks, headQuads + 1)

override scale: f32;

const parts = threads / headQuads;
const lowest = -3.4e38;

var<workgroup> query: array<vec4f, headQuads>;
var<workgroup> weights: array<f32, chunkKeys>;
var<workgroup> folds: array<f32, threads>;
var<workgroup> sums: array<vec4f, threads>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let first = group.x * chunkKeys;
  let head = group.y * headQuads;
  let t = group.z;
  let end = select(0u, min(first + chunkKeys, visibleKeys(t)), t < stepRows());
  if (thread < headQuads) {
    query[thread] = scale * q[t * qStride + qStart + head + thread];
  }
  workgroupBarrier();

  var largest = lowest;
  for (var key = first + thread; key < end; key += threads) {
    let row = key * kStride + kStart + head;
    var score = 0.0;
    for (var i = 0u; i < rolled(headQuads); i++) {
      score += dot(query[i], readK(row + i));
    }
    weights[key - first] = score;
    largest = max(largest, score);
    storeScore((t * heads + group.y) * keyCount + key, score);
  }
  folds[thread] = largest;
  workgroupBarrier();
  for (var i = 0u; i < rolled(threads); i++) {
    largest = max(largest, folds[i]);
  }
  workgroupBarrier();

  var sum = 0.0;
  for (var key = first + thread; key < end; key += threads) {
    let weight = exp(weights[key - first] - largest);
    weights[key - first] = weight;
    sum += weight;
  }
  folds[thread] = sum;
  workgroupBarrier();

  let quad = thread % headQuads;
  var value = vec4f();
  for (var key = first + thread / headQuads; key < end; key += parts) {
    value += weights[key - first] * readV(key * vStride + vStart + head + quad);
  }
  sums[thread] = value;
  workgroupBarrier();

  let at = ((t * heads + group.y) * chunks + group.x) * (headQuads + 1u);
  if (thread < headQuads) {
    for (var part = 1u; part < rolled(parts); part++) {
      value += sums[part * headQuads + thread];
    }
    partials[at + thread] = value;
  }
  if (thread == 0u) {
    for (var i = 1u; i < rolled(threads); i++) {
      sum += folds[i];
    }
    partials[at + headQuads] = vec4f(largest, sum, 0.0, 0.0);
  }
}
