// out[t, h, :] = softmax(q[t, h, :] · keys / √…) · values over the positions that token t sees, for many tokens
//
// A workgroup is 32 rows × one kv head, where a row is one query head of one token: rows of a tile are the query heads
// that share the kv head, of consecutive tokens. Keys and values pass through workgroup memory in tiles of 32
// positions, with an online softmax (base 2) per row; each row masks what its own token does not see.
// Tokens of a tile may belong to several sequences: these are taken one after the other, all other rows masked.
//   scores: thread (a, b) has rows a and a + 16, positions 4b … 4b + 3; keys and queries in turns of `turn` elements
//   softmax: four threads per row
//   values: a thread has 4 rows × every 16th vec4 of E
//
// Constants and the cache at bindings 1 and 2 come from the TypeScript side.

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>; // (T, heads, E)
@group(0) @binding(3) var<storage, read> pageTable: array<u32>; // (B, maxPages)
@group(0) @binding(4) var<storage, read> sequences: array<u32>; // (T)
@group(0) @binding(5) var<storage, read> lengths: array<u32>; // (T)
@group(0) @binding(6) var<storage, read_write> out: array<vec4<f32>>; // (T, heads, E)

/// Softmax scale · log2(e).
override scale: f32;

const threads = 128u;
const tile = 32u; // rows, and positions
const headVectors = headWidth / 4u;
const turnVectors = turn / 4u;
const stride = 9u; // vec4 per row in workgroup memory: one more than 32 elements, against bank conflicts
const slots = (headVectors + 15u) / 16u;
const valueRows = min(tile * stride / headVectors / 4u * 4u, tile); // positions whose values fit in `right`
const hidden = -3.4e38;

var<workgroup> left: array<vec4<f32>, tile * stride>; // queries; then scores and weights (row, position)
var<workgroup> right: array<vec4<f32>, tile * stride>; // keys; then values
var<workgroup> folds: array<f32, threads>; // per row: rescaling; at the end (row, 4): sums of weights

fn rowOf(sequence: u32, kvHead: u32, position: u32) -> u32 {
  return cacheRow(pageTable[sequence * maxPages + position / pageSize], kvHead, position % pageSize);
}

/// Where query row `row` of this kv head starts in q and out.
fn queryRow(row: u32, kvHead: u32) -> u32 {
  return ((row / groupSize) * heads + kvHead * groupSize + row % groupSize) * headVectors;
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let kvHead = group.y;
  let firstRow = group.x * tile;
  let endRow = min(firstRow + tile, stepRows() * groupSize);
  let endToken = (endRow + groupSize - 1u) / groupSize;

  let a = thread / 8u;
  let b = thread % 8u;
  let softmaxRow = thread / 4u;
  let softmaxPart = thread % 4u;
  let softmaxToken = (firstRow + softmaxRow) / groupSize;
  let valueLane = thread % 16u;
  let valueRow = thread / 16u * 4u;
  var rowEnd = 0u;
  if (firstRow + softmaxRow < endRow) {
    rowEnd = lengths[softmaxToken];
  }
  let rowBegin = rowEnd - min(rowEnd, window);

  var largest = hidden;
  var sum = 0.0;
  var sums: array<vec4<f32>, slots * 4u>; // (slot, row)

  var token = firstRow / groupSize;
  while (token < endToken) {
    // Tokens of the same sequence, and all positions that any of them sees.
    let sequence = sequences[token];
    let runBegin = token;
    var begin = 0xffffffffu;
    var end = 0u;
    for (; token < endToken; token += 1u) {
      if (sequences[token] != sequence) {
        break;
      }
      let length = lengths[token];
      begin = min(begin, length - min(length, window));
      end = max(end, length);
    }
    let inRun = softmaxToken >= runBegin && softmaxToken < token;

    for (var base = begin; base < end; base += tile) {
      var upper = vec4(0.0); // row a
      var lower = vec4(0.0); // row a + 16
      for (var start = 0u; start < rolled(headVectors); start += turnVectors) {
        for (var i = thread; i < tile * turnVectors; i += threads) {
          let row = i / turnVectors;
          let at = row * stride + i % turnVectors;
          left[at] = vec4(0.0);
          if (firstRow + row < endRow) {
            left[at] = q[queryRow(firstRow + row, kvHead) + start + i % turnVectors] * scale;
          }
        }
        for (var i = thread; i < tile * turnVectors / 2u; i += threads) {
          let position = i / (turnVectors / 2u);
          let eight = i % (turnVectors / 2u);
          var key = Eight(vec4(0.0), vec4(0.0));
          if (base + position < end) {
            key = keysAt(rowOf(sequence, kvHead, base + position) + start / 2u + eight);
          }
          // Positions 4b + c lie at rows 8c + b, so that threads side by side read rows side by side.
          let at = (position % 4u * 8u + position / 4u) * stride + eight * 2u;
          right[at] = key.low;
          right[at + 1u] = key.high;
        }
        workgroupBarrier();
        for (var i = 0u; i < rolled(turnVectors); i += 1u) {
          let q0 = left[a * stride + i];
          let q1 = left[(a + 16u) * stride + i];
          let k0 = right[b * stride + i];
          let k1 = right[(b + 8u) * stride + i];
          let k2 = right[(b + 16u) * stride + i];
          let k3 = right[(b + 24u) * stride + i];
          upper += vec4(dot(q0, k0), dot(q0, k1), dot(q0, k2), dot(q0, k3));
          lower += vec4(dot(q1, k0), dot(q1, k1), dot(q1, k2), dot(q1, k3));
        }
        workgroupBarrier();
      }
      left[a * stride + b] = upper;
      left[(a + 16u) * stride + b] = lower;
      workgroupBarrier();

      // All four threads of a row find its maximum; each then weighs its own eight positions.
      let before = largest;
      let row = softmaxRow * stride;
      // Of the row's positions in this tile, first to last are seen.
      let seenBegin = max(rowBegin, base) - base;
      let seenEnd = select(0u, max(rowEnd, base) - base, inRun);
      for (var i = 0u; i < rolled(8u); i += 1u) {
        let score = left[row + i];
        let position = vec4(4u * i) + vec4(0u, 1u, 2u, 3u);
        let seen = (position >= vec4(seenBegin)) & (position < vec4(seenEnd));
        let shown = select(vec4(hidden), score, seen);
        largest = max(largest, max(max(shown.x, shown.y), max(shown.z, shown.w)));
      }
      workgroupBarrier();
      let change = exp2(before - largest);
      sum *= change;
      for (var i = 2u * softmaxPart; i < rolled(2u * softmaxPart + 2u); i += 1u) {
        let position = vec4(4u * i) + vec4(0u, 1u, 2u, 3u);
        let seen = (position >= vec4(seenBegin)) & (position < vec4(seenEnd));
        let weight = select(vec4(0.0), exp2(left[row + i] - largest), seen);
        left[row + i] = weight;
        sum += weight.x + weight.y + weight.z + weight.w;
      }
      if (softmaxPart == 0u) {
        folds[softmaxRow] = change;
      }

      for (var first = 0u; first < min(tile, end - base); first += valueRows) {
        let count = min(valueRows, tile - first);
        for (var i = thread; i < count * headEights; i += threads) {
          let position = base + first + i / headEights;
          var value = Eight(vec4(0.0), vec4(0.0));
          if (position < end) {
            value = valuesAt(rowOf(sequence, kvHead, position) + i % headEights);
          }
          right[2u * i] = value.low;
          right[2u * i + 1u] = value.high;
        }
        workgroupBarrier();
        if (first == 0u) {
          for (var s = 0u; s < rolled(slots); s += 1u) {
            for (var r = 0u; r < rolled(4u); r += 1u) {
              sums[4u * s + r] *= folds[valueRow + r];
            }
          }
        }
        for (var p = 0u; p < rolled(count); p += 4u) {
          let at = valueRow * stride + (first + p) / 4u;
          let w0 = left[at];
          let w1 = left[at + stride];
          let w2 = left[at + 2u * stride];
          let w3 = left[at + 3u * stride];
          for (var s = 0u; s < rolled(slots); s += 1u) {
            let lane = valueLane + 16u * s;
            if (lane < headVectors) {
              let v0 = right[p * headVectors + lane];
              let v1 = right[(p + 1u) * headVectors + lane];
              let v2 = right[(p + 2u) * headVectors + lane];
              let v3 = right[(p + 3u) * headVectors + lane];
              sums[4u * s] += w0.x * v0 + w0.y * v1 + w0.z * v2 + w0.w * v3;
              sums[4u * s + 1u] += w1.x * v0 + w1.y * v1 + w1.z * v2 + w1.w * v3;
              sums[4u * s + 2u] += w2.x * v0 + w2.y * v1 + w2.z * v2 + w2.w * v3;
              sums[4u * s + 3u] += w3.x * v0 + w3.y * v1 + w3.z * v2 + w3.w * v3;
            }
          }
        }
        workgroupBarrier();
      }
    }
  }

  folds[thread] = sum;
  workgroupBarrier();
  for (var r = 0u; r < rolled(4u); r += 1u) {
    let row = firstRow + valueRow + r;
    let part = 4u * (valueRow + r);
    let total = folds[part] + folds[part + 1u] + folds[part + 2u] + folds[part + 3u];
    if (row < endRow) {
      for (var s = 0u; s < rolled(slots); s += 1u) {
        let lane = valueLane + 16u * s;
        if (lane < headVectors) {
          out[queryRow(row, kvHead) + lane] = sums[4u * s + r] / total;
        }
      }
    }
  }
}
