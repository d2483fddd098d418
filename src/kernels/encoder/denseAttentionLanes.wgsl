// The same as denseAttention.wgsl for adapters that compute on a CPU: a workgroup is one subgroup, which has tileRows rows of
// one head, and nothing waits at barriers. A load costs such adapters as much as hundreds of multiplications, so each vec4
// is loaded once for all rows, and what lanes have in common is passed round.
//
//   queries: of vec4s lane, lane + laneCount, … of the head, held from the start
//   scores and weights: of positions lane and lane + laneCount of a turn
//   values and results: of vec4s lane, lane + laneCount, … of the head
//
// Before this: the step, `rowRange`, and as constants heads, headQuads, tileRows, laneCount, slots, and where q, k and v start,
// with their strides (in vec4s).

@group(0) @binding(1) var<storage, read> q: array<vec4f>; // (T, qStride)
@group(0) @binding(2) var<storage, read> k: array<vec4f>; // (S, kStride)
@group(0) @binding(3) var<storage, read> v: array<vec4f>; // (S, vStride)
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>; // (T, heads · E)

/// Softmax scale · log2(e).
override scale: f32;

const halves = 2u;
const hidden = -3.4e38;

@compute @workgroup_size(laneCount)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let head = group.y * headQuads;
  let firstRow = group.x * tileRows;
  let endRow = min(firstRow + tileRows, stepRows());
  // Ranges do not decrease from row to row.
  let begin = rowRange(firstRow).x;
  let end = rowRange(endRow - 1u).y;

  var queries: array<vec4f, tileRows * slots>; // [row][slot]
  for (var r = 0u; r < tileRows; r++) {
    let row = min(firstRow + r, endRow - 1u) * qStride + qStart + head;
    for (var s = 0u; s < slots; s++) {
      queries[r * slots + s] = scale * q[row + min(lane + laneCount * s, headQuads - 1u)];
    }
  }
  var largest: array<f32, tileRows>;
  var sums: array<f32, tileRows>; // of this lane's positions
  var results: array<vec4f, tileRows * slots>; // [row][slot]
  for (var r = 0u; r < tileRows; r++) {
    largest[r] = hidden;
  }

  for (var base = begin; base < end; base += 2u * laneCount) {
    let near = base + lane;
    let far = near + laneCount;
    let nearAt = min(near, end - 1u) * kStride + kStart + head;
    let farAt = min(far, end - 1u) * kStride + kStart + head;
    var nearKey: array<vec4f, headQuads>;
    var farKey: array<vec4f, headQuads>;
    for (var i = 0u; i < headQuads; i++) {
      nearKey[i] = k[nearAt + i];
      farKey[i] = k[farAt + i];
    }
    var weights: array<vec2f, tileRows>; // near, far
    for (var r = 0u; r < tileRows; r++) {
      // Written out: without an initial value, lavapipe keeps what the last turn of the loop left.
      var scores = vec2f();
      for (var i = 0u; i < headQuads; i++) {
        let query = subgroupBroadcast(queries[r * slots + i / laneCount], i % laneCount);
        scores += vec2f(dot(query, nearKey[i]), dot(query, farKey[i]));
      }
      let range = rowRange(min(firstRow + r, endRow - 1u));
      let places = vec2(near, far);
      scores = select(vec2f(hidden), scores, (places >= vec2(range.x)) & (places < vec2(range.y)));
      let before = largest[r];
      largest[r] = max(before, subgroupMax(max(scores.x, scores.y)));
      let change = exp2(before - largest[r]);
      weights[r] = select(vec2f(), exp2(scores - largest[r]), scores > vec2(hidden));
      sums[r] = sums[r] * change + weights[r].x + weights[r].y;
      for (var s = 0u; s < slots; s++) {
        results[r * slots + s] *= change;
      }
    }
    for (var half = 0u; half < halves; half++) {
      var values: array<vec4f, laneCount * slots>; // [position][slot]
      for (var j = 0u; j < laneCount; j++) {
        let at = min(base + half * laneCount + j, end - 1u) * vStride + vStart + head;
        for (var s = 0u; s < slots; s++) {
          values[j * slots + s] = v[at + min(lane + laneCount * s, headQuads - 1u)];
        }
      }
      for (var r = 0u; r < tileRows; r++) {
        for (var j = 0u; j < laneCount; j++) {
          let weight = subgroupBroadcast(weights[r][half], j);
          for (var s = 0u; s < slots; s++) {
            results[r * slots + s] += weight * values[j * slots + s];
          }
        }
      }
    }
  }

  for (var r = 0u; r < tileRows; r++) {
    let row = firstRow + r;
    let total = subgroupAdd(sums[r]);
    // Who sees nothing gets zeros.
    let factor = select(0.0, 1.0 / total, total > 0.0);
    for (var s = 0u; s < slots; s++) {
      let quad = lane + laneCount * s;
      if (row < endRow && quad < headQuads) {
        out[row * heads * headQuads + head + quad] = factor * results[r * slots + s];
      }
    }
  }
}
