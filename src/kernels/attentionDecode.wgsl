// out[t, h, :] = softmax(q[t, h, :] · keys / √…) · values over the positions that token t sees, for few tokens
//
// A workgroup is one token × one kv head (up to `groupHeads` of its query heads, which share every key and value
// that is read) × one split of the positions. Positions are taken in chunks:
//   scores: `keyLanes` threads per position read a key in turns of eight elements; their sums meet in workgroup memory
//   weights: threads / 8 threads per query head keep the running maximum and sum (online softmax, base 2)
//   values: a thread owns eight elements of E in every `stripes`-th position, for all query heads
// With splits > 1, out is the scratch of attentionMerge.wgsl: (T, H, splits, E), then log2 of each split's sum of weights.
//
// Constants (threads and chunk among them) and the cache at bindings 1 and 2 come from the TypeScript side; attentionSpan.wgsl says who sees what.

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>; // (T, heads, E)
@group(0) @binding(3) var<storage, read> pageTable: array<u32>; // (B, maxPages)
@group(0) @binding(4) var<storage, read> sequences: array<u32>; // (T)
@group(0) @binding(5) var<storage, read> lengths: array<u32>; // (T)
@group(0) @binding(6) var<storage, read_write> out: array<f32>; // (T, heads, splits, E)

/// Softmax scale · log2(e).
override scale: f32;
/// Where the log2 sums start in `out`, if splits > 1.
override sumsStart: u32 = 0u;

const tile = threads / keyLanes; // positions per round of scores; chunk is a multiple
const foldLanes = threads / 8u; // groupHeads is at most 8
const stripes = threads / headEights;
const hidden = -3.4e38;

var<workgroup> query: array<vec4<f32>, groupHeads * headEights * 2u>;
var<workgroup> partial: array<f32, threads * 8u>; // of scores (head, position, keyLanes), then of values (stripe, E)
var<workgroup> weights: array<f32, chunk * groupHeads>; // (position, head)
var<workgroup> folds: array<f32, threads>; // (head, foldLanes)
var<workgroup> rescale: array<f32, groupHeads>;

fn rowOf(sequence: u32, kvHead: u32, position: u32) -> u32 {
  return cacheRow(pageTable[sequence * maxPages + position / pageSize], kvHead, position % pageSize);
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let kvHead = group.x / headGroups;
  let firstInGroup = (group.x % headGroups) * groupHeads;
  let firstHead = kvHead * groupSize + firstInGroup;
  let token = group.y;
  let sequence = sequences[token];
  let length = lengths[token];
  let seen = min(length, window);
  let size = splitSize(seen);
  let begin = length - seen + group.z * size;
  let end = min(begin + size, length);
  if (begin >= end) {
    return; // the merge counts the splits in use by the same rule
  }

  // The last group of a kv head may have fewer heads: the rest repeat its first one and are not stored.
  for (var i = thread; i < groupHeads * headEights * 2u; i += threads) {
    let head = i / (headEights * 2u);
    let source = select(firstHead, firstHead + head, firstInGroup + head < groupSize);
    query[i] = q[(token * heads + source) * headEights * 2u + i % (headEights * 2u)] * scale;
  }
  workgroupBarrier();

  let softmaxHead = thread / foldLanes;
  let softmaxLane = thread % foldLanes;
  let eight = thread % headEights;
  let stripe = thread / headEights;
  var largest = hidden;
  var sum = 0.0;
  var low: array<vec4<f32>, groupHeads>;
  var high: array<vec4<f32>, groupHeads>;

  for (var base = begin; base < end; base += chunk) {
    let count = min(chunk, end - base);

    for (var first = 0u; first < count; first += tile) {
      // Without an initializer it would keep its values from the last round (Chromium's compiler, 2026).
      var dots = array<f32, groupHeads>();
      let position = first + thread / keyLanes;
      if (position < count) {
        let row = rowOf(sequence, kvHead, base + position);
        for (var i = thread % keyLanes; i < rolled(headEights); i += keyLanes) {
          let key = keysAt(row + i);
          for (var h = 0u; h < groupHeads; h++) {
            let at = (h * headEights + i) * 2u;
            dots[h] += dot(query[at], key.low) + dot(query[at + 1u], key.high);
          }
        }
      }
      if (keyLanes == 1u) {
        for (var h = 0u; h < groupHeads; h++) {
          weights[position * groupHeads + h] = dots[h];
        }
      } else {
        for (var h = 0u; h < groupHeads; h++) {
          partial[h * threads + thread] = dots[h];
        }
        workgroupBarrier();
        for (var i = thread; i < tile * groupHeads; i += threads) {
          var score = 0.0;
          for (var lane = 0u; lane < keyLanes; lane++) {
            score += partial[keyLanes * i + lane];
          }
          weights[(first + i % tile) * groupHeads + i / tile] = score;
        }
        workgroupBarrier();
      }
    }
    if (keyLanes == 1u) {
      workgroupBarrier();
    }

    if (softmaxHead < groupHeads) {
      var fold = hidden;
      for (var p = softmaxLane; p < count; p += foldLanes) {
        fold = max(fold, weights[p * groupHeads + softmaxHead]);
      }
      folds[thread] = fold;
    }
    workgroupBarrier();
    if (softmaxHead < groupHeads) {
      let before = largest;
      for (var i = 0u; i < rolled(foldLanes); i += 1u) {
        largest = max(largest, folds[softmaxHead * foldLanes + i]);
      }
      let change = exp2(before - largest);
      sum *= change;
      for (var p = softmaxLane; p < count; p += foldLanes) {
        let at = p * groupHeads + softmaxHead;
        let weight = exp2(weights[at] - largest);
        weights[at] = weight;
        sum += weight;
      }
      if (softmaxLane == 0u) {
        rescale[softmaxHead] = change;
      }
    }
    workgroupBarrier();

    for (var h = 0u; h < groupHeads; h++) {
      low[h] *= rescale[h];
      high[h] *= rescale[h];
    }
    if (stripe < stripes) {
      for (var p = stripe; p < count; p += stripes) {
        let value = valuesAt(rowOf(sequence, kvHead, base + p) + eight);
        for (var h = 0u; h < groupHeads; h++) {
          let weight = weights[p * groupHeads + h];
          low[h] += weight * value.low;
          high[h] += weight * value.high;
        }
      }
    }
    workgroupBarrier();
  }

  folds[thread] = sum;
  for (var h = 0u; h < groupHeads; h++) {
    partial[thread * 8u] = low[h].x;
    partial[thread * 8u + 1u] = low[h].y;
    partial[thread * 8u + 2u] = low[h].z;
    partial[thread * 8u + 3u] = low[h].w;
    partial[thread * 8u + 4u] = high[h].x;
    partial[thread * 8u + 5u] = high[h].y;
    partial[thread * 8u + 6u] = high[h].z;
    partial[thread * 8u + 7u] = high[h].w;
    workgroupBarrier();
    var total = 0.0;
    for (var i = 0u; i < rolled(foldLanes); i += 1u) {
      total += folds[h * foldLanes + i];
    }
    if (firstInGroup + h < groupSize) {
      let row = (token * heads + firstHead + h) * splits + group.z;
      for (var e = thread; e < headWidth; e += threads) {
        var value = 0.0;
        for (var s = 0u; s < stripes; s += 1u) {
          value += partial[s * headWidth + e];
        }
        out[row * headWidth + e] = value / total;
      }
      if (splits > 1u && thread == h * foldLanes) {
        out[sumsStart + row] = largest + log2(total);
      }
    }
    workgroupBarrier();
  }
}
