// Norm, RoPE, append and attention of one token per sequence: out[t, h, :] = softmax(q[t, h, :] · keys · scale) · values
//
// A workgroup is one token × one kv head (up to `groupHeads` of its query heads, which share every key and value that
// is read) × one split of the positions. `lanes` threads share a position: each has every lanes-th piece of its key
// and value, and the same pieces of the queries and of the sums, in registers. Such a team takes `batch` positions at a
// time, with an online softmax (base 2) of its own, where each of the first lanes weighs one of them; teams meet in workgroup memory at the end.
// The token's own key and value don't come from the cache, to which they are written here, but start the sums of the
// first team of the last split.
// With splits > 1, results go to the scratch of attentionMerge.wgsl: (T, H, splits, E), then log2 of each split's sum.
//
// The TypeScript side declares sizes, the cache (bindings 1 to 3), what teams.ts does by subgroups or workgroup
// memory, and `storeResult` (activations, f32 or scratch); qkvRows.wgsl and attentionSpan.wgsl
// come before.

@group(0) @binding(4) var<storage, read> inputs: array<u32>; // positions, slots, sequences, lengths, page table

/// Softmax scale · log2(e).
override scale: f32;

const teams = threads / lanes;
const lanePieces = (headPieces + lanes - 1u) / lanes;
const laneVectors = lanePieces * pieceVectors;
const hidden = -3.4e38;

var<workgroup> partial: array<f32, partialSize>; // (teams, E) of a head, or what teams.ts needs
var<workgroup> folds: array<vec2f, teams * groupHeads>; // largest score and sum of weights

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, THREAD_BUILTINS) {
  let thread = THREAD_NUMBER;
  FIRST_LANE;
  let kvHead = group.x / headGroups;
  let firstInGroup = (group.x % headGroups) * groupHeads;
  let token = group.y;
  let length = inputs[lengthsAt + token];
  let seen = min(length, window);
  let size = splitSize(seen);
  let begin = length - seen + group.z * size;
  let end = min(begin + size, length);
  if (begin >= end) {
    return; // the merge counts the splits in use by the same rule
  }
  let hasOwn = end == length;
  let cached = end - select(0u, 1u, hasOwn); // positions from begin to here are in the cache
  let table = pageTableAt + inputs[sequencesAt + token] * maxPages;

  prepareRows(thread, token, kvHead, firstInGroup, scale);
  if (hasOwn) {
    appendRows(thread, kvHead, inputs[slotsAt + token], firstInGroup == 0u);
  }

  let lane = thread % lanes;
  let team = thread / lanes;
  // Lanes without a piece of their own repeat the last one, with queries of zero.
  var queries = array<vec4f, groupHeads * laneVectors>();
  var sums = array<vec4f, groupHeads * laneVectors>();
  var largest = array<f32, groupHeads>();
  var total = array<f32, groupHeads>(); // of the lane's own weights
  var own = array<f32, groupHeads>();
  let startsHere = hasOwn && team == 0u;
  for (var s = 0u; s < lanePieces; s++) {
    let piece = lane + s * lanes;
    for (var j = 0u; j < pieceVectors; j++) {
      let at = (min(piece, headPieces - 1u) * pieceVectors + j) * 4u;
      let key = rowVector(keyRow, at);
      let value = rowVector(valueRow, at);
      for (var h = 0u; h < groupHeads; h++) {
        let query = select(vec4f(0.0), rowVector(h, at), piece < headPieces);
        queries[h * laneVectors + s * pieceVectors + j] = query;
        sums[h * laneVectors + s * pieceVectors + j] = select(vec4f(0.0), value, startsHere);
        own[h] += dot(query, key);
      }
    }
  }
  for (var h = 0u; h < groupHeads; h++) {
    let score = sumLanes(thread, own[h]);
    largest[h] = select(hidden, score, startsHere);
    total[h] = select(0.0, 1.0, startsHere && lane == 0u);
  }

  for (var base = begin / batch * batch; base < cached; base += teams * batch) {
    // Teams behind the end repeat the last batch, and teams at an end its last position, with weights of zero.
    let wanted = base + team * batch;
    let first = min(wanted, (cached - 1u) / batch * batch);
    let position = first + lane;
    let shown = wanted == first && lane < batch && position >= begin && position < cached;
    let head = pageHead(inputs[table + first / pageSize], kvHead);
    let firstSlot = first % pageSize;
    let leastSlot = firstSlot + max(begin, first) - first;
    let mostSlot = firstSlot + min(cached - first, batch) - 1u;
    for (var p = 0u; p < rolled(batch); p += 1u) {
      let slot = clamp(firstSlot + p, leastSlot, mostSlot);
      var parts = array<f32, groupHeads>();
      for (var s = 0u; s < lanePieces; s++) {
        let key = keyPiece(head, slot, min(lane + s * lanes, headPieces - 1u));
        for (var h = 0u; h < groupHeads; h++) {
          var part = 0.0;
          for (var j = 0u; j < pieceVectors; j++) {
            part += dot(queries[h * laneVectors + s * pieceVectors + j], key.v[j]);
          }
          parts[h] += part * key.scale;
        }
      }
      for (var h = 0u; h < groupHeads; h++) {
        putScore(thread, h, p, parts[h]);
      }
    }
    meet();
    finishScores(thread);
    for (var h = 0u; h < groupHeads; h++) {
      scores[h] = select(hidden, scores[h], shown);
      shareMost(thread, h, scores[h]);
    }
    meet();
    for (var h = 0u; h < groupHeads; h++) {
      let most = max(largest[h], teamMost(thread, h, scores[h]));
      let change = exp2(largest[h] - most);
      largest[h] = most;
      scores[h] = select(0.0, exp2(scores[h] - most), shown);
      total[h] = total[h] * change + scores[h];
      for (var i = 0u; i < laneVectors; i++) {
        sums[h * laneVectors + i] *= change;
      }
      shareWeight(thread, h, scores[h]);
    }
    meet();
    for (var p = 0u; p < rolled(batch); p += 1u) {
      let slot = clamp(firstSlot + p, leastSlot, mostSlot);
      for (var s = 0u; s < lanePieces; s++) {
        let value = valuePiece(head, slot, min(lane + s * lanes, headPieces - 1u));
        for (var h = 0u; h < groupHeads; h++) {
          let weight = teamWeight(thread, h, p, scores[h]) * value.scale;
          for (var j = 0u; j < pieceVectors; j++) {
            sums[h * laneVectors + s * pieceVectors + j] += weight * value.v[j];
          }
        }
      }
    }
  }
  meet();

  // Teams as one: the queries' rows take the results.
  for (var h = 0u; h < groupHeads; h++) {
    let whole = sumLanes(thread, total[h]);
    if (lane == 0u) {
      folds[h * teams + team] = vec2f(largest[h], whole);
    }
  }
  workgroupBarrier();
  for (var h = 0u; h < groupHeads; h++) {
    var most = hidden;
    for (var i = 0u; i < teams; i += 1u) {
      most = max(most, folds[h * teams + i].x);
    }
    var all = 0.0;
    for (var i = 0u; i < teams; i += 1u) {
      all += folds[h * teams + i].y * exp2(folds[h * teams + i].x - most);
    }
    let change = exp2(largest[h] - most) / all;
    for (var s = 0u; s < lanePieces; s++) {
      let piece = lane + s * lanes;
      if (piece < headPieces) {
        for (var j = 0u; j < pieceVectors; j++) {
          let x = sums[h * laneVectors + s * pieceVectors + j] * change;
          let at = (piece * pieceVectors + j) * 4u;
          if (teams == 1u) {
            setRowVector(h, at, x);
          } else {
            partial[team * headWidth + at] = x.x;
            partial[team * headWidth + at + 1u] = x.y;
            partial[team * headWidth + at + 2u] = x.z;
            partial[team * headWidth + at + 3u] = x.w;
          }
        }
      }
    }
    if (teams > 1u) {
      workgroupBarrier();
      for (var e = thread; e < headWidth; e += threads) {
        var x = 0.0;
        for (var i = 0u; i < teams; i += 1u) {
          x += partial[i * headWidth + e];
        }
        rows[h * headWidth + e] = x;
      }
      workgroupBarrier();
    }
    if (splits > 1u && thread == 0u && firstInGroup + h < groupSize) {
      storeSum((token * heads + kvHead * groupSize + firstInGroup + h) * splits + group.z, most + log2(all));
    }
  }
  workgroupBarrier();
  const items = groupHeads * headWidth / 4u;
  for (var start = 0u; start < rolled(items); start += threads) {
    let i = start + thread;
    let head = firstInGroup + i / (headWidth / 4u);
    let x = rowVector(min(i, items - 1u) / (headWidth / 4u), i % (headWidth / 4u) * 4u);
    storeResult(thread, i < items && head < groupSize, token, kvHead * groupSize + head, group.z, i % (headWidth / 4u), x);
    workgroupBarrier();
  }
}

fn rowVector(row: u32, element: u32) -> vec4f {
  let at = row * headWidth + element;
  return vec4f(rows[at], rows[at + 1u], rows[at + 2u], rows[at + 3u]);
}

fn setRowVector(row: u32, element: u32, x: vec4f) {
  let at = row * headWidth + element;
  rows[at] = x.x;
  rows[at + 1u] = x.y;
  rows[at + 2u] = x.z;
  rows[at + 3u] = x.w;
}
