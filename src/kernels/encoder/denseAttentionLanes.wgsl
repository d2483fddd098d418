// The same as denseAttention.wgsl for adapters that compute on a CPU: a workgroup is one subgroup, which has tileRows rows of
// one head, and nothing waits at barriers.
//
//   scores: of positions lane, lane + laneCount, … of a tile; queries are read once for the subgroup and passed round
//   values: of vec4s lane, lane + laneCount, … of the head; weights are passed round
//
// What a lane keeps in workgroup memory (weights of its own positions) is read by that lane alone.
// Before this: the step, `rolled`, `rowRange`, and as constants heads, headQuads, turnQuads (at most laneCount), tileRows, laneCount,
// slots, keysEach (even), and where q, k and v start, with their strides (in vec4s).

@group(0) @binding(1) var<storage, read> q: array<vec4f>; // (T, qStride)
@group(0) @binding(2) var<storage, read> k: array<vec4f>; // (S, kStride)
@group(0) @binding(3) var<storage, read> v: array<vec4f>; // (S, vStride)
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>; // (T, heads · E)

/// Softmax scale · log2(e).
override scale: f32;

const tileKeys = keysEach * laneCount;
const hidden = -3.4e38;

var<workgroup> kept: array<f32, tileRows * tileKeys>; // (row, position)

@compute @workgroup_size(laneCount)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let head = group.y * headQuads;
  let firstRow = group.x * tileRows;
  let endRow = min(firstRow + tileRows, stepRows());
  // Ranges do not decrease from row to row.
  let begin = rowRange(firstRow).x;
  let end = rowRange(endRow - 1u).y;

  var largest: array<f32, tileRows>;
  var sums: array<f32, tileRows>; // of this lane's positions
  var results: array<vec4f, slots * tileRows>; // [slot][row]
  for (var r = 0u; r < tileRows; r++) {
    largest[r] = hidden;
  }

  for (var base = begin; base < end; base += tileKeys) {
    // Two positions a lane share what is read of the queries.
    for (var pair = 0u; pair < rolled(tileKeys); pair += 2u * laneCount) {
      let nearAt = min(base + pair + lane, end - 1u) * kStride + kStart + head;
      let farAt = min(base + pair + laneCount + lane, end - 1u) * kStride + kStart + head;
      // Written out: without an initial value, lavapipe keeps what the last turn of the loop left.
      var near = array<f32, tileRows>();
      var far = array<f32, tileRows>();
      for (var turn = 0u; turn < rolled(headQuads); turn += turnQuads) {
        var nearKey: array<vec4f, turnQuads>;
        var farKey: array<vec4f, turnQuads>;
        for (var i = 0u; i < turnQuads; i++) {
          nearKey[i] = k[nearAt + turn + i];
          farKey[i] = k[farAt + turn + i];
        }
        for (var r = 0u; r < tileRows; r++) {
          let row = min(firstRow + r, endRow - 1u);
          let own = q[row * qStride + qStart + head + turn + min(lane, turnQuads - 1u)];
          for (var i = 0u; i < turnQuads; i++) {
            let query = subgroupBroadcast(own, i);
            near[r] += dot(query, nearKey[i]);
            far[r] += dot(query, farKey[i]);
          }
        }
      }
      for (var r = 0u; r < tileRows; r++) {
        kept[r * tileKeys + pair + lane] = near[r];
        kept[r * tileKeys + pair + laneCount + lane] = far[r];
      }
    }

    for (var r = 0u; r < tileRows; r++) {
      let range = rowRange(min(firstRow + r, endRow - 1u));
      var most = hidden;
      for (var at = lane; at < rolled(tileKeys); at += laneCount) {
        let seen = base + at >= range.x && base + at < range.y;
        let score = select(hidden, scale * kept[r * tileKeys + at], seen);
        kept[r * tileKeys + at] = score;
        most = max(most, score);
      }
      let before = largest[r];
      largest[r] = max(before, subgroupMax(most));
      let change = exp2(before - largest[r]);
      var added = 0.0;
      for (var at = lane; at < rolled(tileKeys); at += laneCount) {
        let score = kept[r * tileKeys + at];
        let weight = select(0.0, exp2(score - largest[r]), score > hidden);
        kept[r * tileKeys + at] = weight;
        added += weight;
      }
      sums[r] = sums[r] * change + added;
      for (var s = 0u; s < slots; s++) {
        results[s * tileRows + r] *= change;
      }
    }

    for (var first = 0u; first < min(rolled(tileKeys), end - base); first += laneCount) {
      var values: array<vec4f, laneCount * slots>;
      for (var j = 0u; j < laneCount; j++) {
        let at = min(base + first + j, end - 1u) * vStride + vStart + head;
        for (var s = 0u; s < slots; s++) {
          values[j * slots + s] = v[at + min(lane + laneCount * s, headQuads - 1u)];
        }
      }
      for (var r = 0u; r < tileRows; r++) {
        let weights = kept[r * tileKeys + first + lane];
        for (var j = 0u; j < laneCount; j++) {
          let weight = subgroupBroadcast(weights, j);
          for (var s = 0u; s < slots; s++) {
            results[s * tileRows + r] += weight * values[j * slots + s];
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
        out[row * heads * headQuads + head + quad] = factor * results[s * tileRows + r];
      }
    }
  }
}
