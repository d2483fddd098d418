// out[r, h, :] = softmax(scale · q[r, h, :] · keysᵀ) · values over the static cache of row r, for few rows
//
// A workgroup is one row × one head × splitSize positions.
//   scores: eight threads share a position and leave their part of the product in workgroup memory
//   softmax: a thread adds up the parts of every `threads`th position
//   values: headQuads threads read a position's value side by side; `valueTeams` such teams take turns
// Several splits leave their results as (mean, log2 of the sum of weights), and crossAttentionMerge.wgsl joins them.
// Before this: the step, `rolled`, `cacheLength`, `rowCache`, `readKey`, `readValue`, `storeSum`, and as constants heads,
// headQuads, positions (of a cache), threads, splitSize, splits, qStart and qStride.

@group(0) @binding(1) var<storage, read> q: array<vec4f>; // (R, qStride)
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>; // (R, heads, splits, E)

/// Softmax scale · log2(e).
override scale: f32;

const lanes = 8u;
const teams = threads / lanes;
const valueTeams = threads / headQuads;
const partStride = lanes + 1u; // against bank conflicts
const hidden = -3.4e38;

var<workgroup> query: array<vec4f, headQuads>;
var<workgroup> parts: array<f32, splitSize * partStride>; // (position, lane); then weights (position)
var<workgroup> folds: array<f32, threads>;
var<workgroup> results: array<vec4f, threads>; // (team, quad)

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let split = group.x;
  let head = group.y;
  let row = group.z;
  if (row >= stepRows()) {
    return;
  }
  let cache = rowCache(row);
  let end = min(cacheLength(cache), (split + 1u) * splitSize);
  let begin = min(split * splitSize, end);
  let first = (cache * positions + begin) * heads * headQuads + head * headQuads;
  let stride = heads * headQuads;
  let count = end - begin;

  for (var quad = thread; quad < headQuads; quad += threads) {
    query[quad] = scale * q[row * qStride + qStart + head * headQuads + quad];
  }
  workgroupBarrier();
  let lane = thread % lanes;
  for (var p = thread / lanes; p < count; p += teams) {
    var part = 0.0;
    for (var quad = lane; quad < rolled(headQuads); quad += lanes) {
      part += dot(query[quad], readKey(first + p * stride + quad));
    }
    parts[p * partStride + lane] = part;
  }
  workgroupBarrier();

  var largest = hidden;
  for (var p = thread; p < count; p += threads) {
    var score = 0.0;
    for (var i = 0u; i < lanes; i++) {
      score += parts[p * partStride + i];
    }
    // Only this thread reads the parts of the position.
    parts[p * partStride] = score;
    largest = max(largest, score);
  }
  folds[thread] = largest;
  workgroupBarrier();
  for (var i = 0u; i < rolled(threads); i += 1u) {
    largest = max(largest, folds[i]);
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var p = thread; p < count; p += threads) {
    let weight = exp2(parts[p * partStride] - largest);
    parts[p * partStride] = weight;
    sum += weight;
  }
  folds[thread] = sum;
  workgroupBarrier();

  let team = thread / headQuads;
  let quad = thread % headQuads;
  var result = vec4f();
  if (team < valueTeams) {
    for (var p = team; p < count; p += valueTeams) {
      result += parts[p * partStride] * readValue(first + p * stride + quad);
    }
  }
  results[thread] = result;
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < rolled(threads); i += 1u) {
    total += folds[i];
  }
  if (thread < headQuads) {
    for (var i = 1u; i < valueTeams; i++) {
      result += results[i * headQuads + thread];
    }
    // An empty cache gives zeros.
    let at = (row * heads + head) * splits + split;
    out[at * headQuads + thread] = result * select(0.0, 1.0 / total, count > 0u);
    if (splits > 1u && thread == 0u) {
      storeSum(at, select(hidden, largest + log2(total), count > 0u));
    }
  }
}
