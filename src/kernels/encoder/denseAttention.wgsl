// out[t, h, :] = softmax(scale · q[t, h, :] · kᵀ) · v over the keys that row t sees, with an online softmax (base 2)
//
// A workgroup is tileRows rows × one head; keys and values pass through workgroup memory 32 positions at a time. The
// eight threads b of a team a have rows a, a + rowStep, …:
//   scores: of positions 4b … 4b + 3; queries and keys pass in turns of turnQuads vec4s
//   values: of vec4s b, b + 8, … of the head
// so that a row's largest score, its sum and its results stay in registers of one team.
// Before this: the step, `rolled`, `rowRange`, and as constants heads, headQuads, turnQuads, tileRows, threads, rowsEach,
// slots, and where q, k and v start, with their strides (in vec4s).

@group(0) @binding(1) var<storage, read> q: array<vec4f>; // (T, qStride)
@group(0) @binding(2) var<storage, read> k: array<vec4f>; // (S, kStride)
@group(0) @binding(3) var<storage, read> v: array<vec4f>; // (S, vStride)
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>; // (T, heads · E)

/// Softmax scale · log2(e).
override scale: f32;

const tileKeys = 32u;
const stride = 9u; // vec4s of a row in workgroup memory: one more than 32 elements, against bank conflicts
const rowStep = threads / 8u;
const valueKeys = min(tileKeys * stride / headQuads / 4u * 4u, tileKeys); // positions whose values fit in `right`
const hidden = -3.4e38;

var<workgroup> left: array<vec4f, tileRows * stride>; // queries; then weights (row, position)
var<workgroup> right: array<vec4f, tileKeys * stride>; // keys; then values
var<workgroup> folds: array<f32, tileRows * 8u>; // per row and thread: largest scores; at the end sums

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let head = group.y * headQuads;
  let firstRow = group.x * tileRows;
  let endRow = min(firstRow + tileRows, stepRows());
  let a = thread / 8u;
  let b = thread % 8u;
  // Ranges do not decrease from row to row.
  let begin = rowRange(firstRow).x;
  let end = rowRange(endRow - 1u).y;

  var largest: array<f32, rowsEach>;
  var sums: array<f32, rowsEach>; // of this thread's positions
  var results: array<vec4f, slots * rowsEach>; // [slot][row]
  for (var r = 0u; r < rowsEach; r++) {
    largest[r] = hidden;
  }

  for (var base = begin; base < end; base += tileKeys) {
    var scores = array<vec4f, rowsEach>();
    for (var turn = 0u; turn < rolled(headQuads); turn += turnQuads) {
      for (var i = thread; i < rolled(tileRows * turnQuads); i += threads) {
        let row = i / turnQuads;
        let quad = i % turnQuads;
        let at = min(firstRow + row, endRow - 1u) * qStride + qStart + head + turn + quad;
        left[row * stride + quad] = scale * q[at];
      }
      for (var i = thread; i < rolled(tileKeys * turnQuads); i += threads) {
        let position = i / turnQuads;
        let quad = i % turnQuads;
        // Positions 4b + c lie at rows 8c + b, so that threads side by side read rows side by side.
        let row = position % 4u * 8u + position / 4u;
        right[row * stride + quad] = k[min(base + position, end - 1u) * kStride + kStart + head + turn + quad];
      }
      workgroupBarrier();
      for (var i = 0u; i < rolled(turnQuads); i += 1u) {
        let k0 = right[b * stride + i];
        let k1 = right[(b + 8u) * stride + i];
        let k2 = right[(b + 16u) * stride + i];
        let k3 = right[(b + 24u) * stride + i];
        for (var r = 0u; r < rowsEach; r++) {
          let query = left[(a + r * rowStep) * stride + i];
          scores[r] += vec4f(dot(query, k0), dot(query, k1), dot(query, k2), dot(query, k3));
        }
      }
      workgroupBarrier();
    }

    let position = vec4(base + 4u * b) + vec4(0u, 1u, 2u, 3u);
    for (var r = 0u; r < rowsEach; r++) {
      let range = rowRange(min(firstRow + a + r * rowStep, endRow - 1u));
      let seen = (position >= vec4(range.x)) & (position < vec4(range.y));
      let shown = select(vec4f(hidden), scores[r], seen);
      scores[r] = shown;
      folds[thread + r * threads] = max(max(shown.x, shown.y), max(shown.z, shown.w));
    }
    workgroupBarrier();
    for (var r = 0u; r < rowsEach; r++) {
      let before = largest[r];
      for (var lane = 0u; lane < 8u; lane++) {
        largest[r] = max(largest[r], folds[a * 8u + r * threads + lane]);
      }
      let change = exp2(before - largest[r]);
      let weights = select(vec4f(), exp2(scores[r] - largest[r]), scores[r] > vec4f(hidden));
      left[(a + r * rowStep) * stride + b] = weights;
      sums[r] = sums[r] * change + weights.x + weights.y + weights.z + weights.w;
      for (var s = 0u; s < slots; s++) {
        results[s * rowsEach + r] *= change;
      }
    }

    for (var first = 0u; first < min(tileKeys, end - base); first += valueKeys) {
      let count = min(valueKeys, tileKeys - first);
      for (var i = thread; i < count * headQuads; i += threads) {
        let at = min(base + first + i / headQuads, end - 1u);
        right[i] = v[at * vStride + vStart + head + i % headQuads];
      }
      workgroupBarrier();
      for (var p = 0u; p < rolled(count); p += 4u) {
        var weights: array<vec4f, rowsEach>;
        for (var r = 0u; r < rowsEach; r++) {
          weights[r] = left[(a + r * rowStep) * stride + (first + p) / 4u];
        }
        for (var s = 0u; s < slots; s++) {
          let lane = b + 8u * s;
          if (lane < headQuads) {
            let v0 = right[p * headQuads + lane];
            let v1 = right[(p + 1u) * headQuads + lane];
            let v2 = right[(p + 2u) * headQuads + lane];
            let v3 = right[(p + 3u) * headQuads + lane];
            for (var r = 0u; r < rowsEach; r++) {
              let w = weights[r];
              results[s * rowsEach + r] += w.x * v0 + w.y * v1 + w.z * v2 + w.w * v3;
            }
          }
        }
      }
      workgroupBarrier();
    }
  }

  for (var r = 0u; r < rowsEach; r++) {
    folds[thread + r * threads] = sums[r];
  }
  workgroupBarrier();
  for (var r = 0u; r < rowsEach; r++) {
    let row = firstRow + a + r * rowStep;
    var total = 0.0;
    for (var lane = 0u; lane < 8u; lane++) {
      total += folds[a * 8u + r * threads + lane];
    }
    // Who sees nothing gets zeros.
    let factor = select(0.0, 1.0 / total, total > 0.0);
    for (var s = 0u; s < slots; s++) {
      let lane = b + 8u * s;
      if (row < endRow && lane < headQuads) {
        out[row * heads * headQuads + head + lane] = factor * results[s * rowsEach + r];
      }
    }
  }
}
