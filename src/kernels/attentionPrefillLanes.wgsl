// As attentionPrefill.wgsl, for adapters whose memory is slow and whose registers are cheap: software ones.
//
// A workgroup is one subgroup of `lanes` threads, with `tileRows` rows (query heads of tokens that share a kv head) whose
// sums stay in registers, spread over the lanes. Positions pass `lanes` at a time: each lane scores one of them for
// all rows, where a query is loaded once for all lanes and broadcast; then each lane adds its own pieces of all their
// values, where weights are broadcast. Loops stay loops, as such adapters compile slowly.
//
// The TypeScript side declares sizes, the cache (bindings 1 and 2), and `storeResult` (binding 4), and fills in WINDOW_END
// and FIRST_TILE.

@group(0) @binding(0) var<storage, read> qkv: array<f32>; // (T, (heads + 2 · kvHeads) · E): queries are normed and turned
@group(0) @binding(3) var<storage, read> inputs: array<u32>; // sequences, lengths, page table

/// Softmax scale · log2(e).
override scale: f32;

const pieceLoads = pieceVectors * 4u / lanes; // a row's queries per lane that go with a piece
const laneVectors = lanePieces * pieceVectors; // a row's sums per lane
const headVectors = headWidth / 4u;
const hidden = -3.4e38;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let kvHead = group.y;
  let firstRow = group.x * tileRows;
  let endRow = min(firstRow + tileRows, stepRows() * groupSize);
  let endToken = (endRow + groupSize - 1u) / groupSize;

  var sums = array<vec4f, tileRows * laneVectors>();
  var largest = array<f32, tileRows>();
  var total = array<f32, tileRows>();
  var weights = array<f32, tileRows>();
  var rowStarts = array<u32, tileRows>();
  var rowBegins = array<u32, tileRows>();
  var rowEnds = array<u32, tileRows>();
  for (var r = 0u; r < tileRows; r++) {
    let row = min(firstRow + r, endRow - 1u);
    let query = kvHead * groupSize + row % groupSize;
    rowStarts[r] = (row / groupSize * (heads + 2u * kvHeads) + query) * headWidth + lane;
    rowEnds[r] = inputs[lengthsAt + row / groupSize];
    rowBegins[r] = WINDOW_END(row / groupSize, rowEnds[r]) - min(WINDOW_END(row / groupSize, rowEnds[r]), window);
    largest[r] = hidden;
  }

  var token = firstRow / groupSize;
  while (token < endToken) {
    // Tokens of the same sequence, and all positions that any of them sees.
    let sequence = inputs[sequencesAt + token];
    let runBegin = token * groupSize;
    var begin = 0xffffffffu;
    var end = 0u;
    for (; token < endToken; token += 1u) {
      if (inputs[sequencesAt + token] != sequence) {
        break;
      }
      let length = inputs[lengthsAt + token];
      begin = min(begin, WINDOW_END(token, length) - min(WINDOW_END(token, length), window));
      end = max(end, length);
    }
    let runEnd = token * groupSize;

    for (var base = FIRST_TILE(begin, lanes); base < end; base += lanes) {
      let position = base + lane;
      // Behind the end the last position is repeated, and not seen.
      let loaded = min(position, end - 1u);
      let head = pageHead(inputs[pageTableAt + sequence * maxPages + loaded / pageSize], kvHead);
      let slot = loaded % pageSize;

      for (var r = 0u; r < tileRows; r++) {
        weights[r] = 0.0;
      }
      for (var i = 0u; i < rolled(headPieces); i += 1u) {
        let key = keyPiece(head, slot, i);
        for (var k = 0u; k < pieceLoads; k++) {
          for (var r = 0u; r < tileRows; r++) {
            let query = qkv[rowStarts[r] + (i * pieceLoads + k) * lanes];
            let low = vec4f(
              subgroupBroadcast(query, 0u),
              subgroupBroadcast(query, 1u),
              subgroupBroadcast(query, 2u),
              subgroupBroadcast(query, 3u),
            );
            let high = vec4f(
              subgroupBroadcast(query, 4u),
              subgroupBroadcast(query, 5u),
              subgroupBroadcast(query, 6u),
              subgroupBroadcast(query, 7u),
            );
            weights[r] += (dot(low, key.v[k * 2u]) + dot(high, key.v[k * 2u + 1u])) * key.scale;
          }
        }
      }

      for (var r = 0u; r < tileRows; r++) {
        let inRun = firstRow + r >= runBegin && firstRow + r < runEnd;
        let seen = inRun && position >= rowBegins[r] && position < rowEnds[r];
        let score = select(hidden, weights[r] * scale, seen);
        let most = max(largest[r], subgroupMax(score));
        let change = exp2(largest[r] - most);
        largest[r] = most;
        weights[r] = select(0.0, exp2(score - most), seen);
        total[r] = total[r] * change + weights[r];
        for (var k = 0u; k < laneVectors; k++) {
          sums[r * laneVectors + k] *= change;
        }
      }

      for (var p = 0u; p < rolled(lanes); p += 1u) {
        let valueHead = subgroupShuffle(head, p);
        let valueSlot = subgroupShuffle(slot, p);
        for (var s = 0u; s < lanePieces; s++) {
          let value = valuePiece(valueHead, valueSlot, min(lane + s * lanes, headPieces - 1u));
          for (var j = 0u; j < pieceVectors; j++) {
            let part = value.v[j] * value.scale;
            for (var r = 0u; r < tileRows; r++) {
              sums[r * laneVectors + s * pieceVectors + j] += subgroupShuffle(weights[r], p) * part;
            }
          }
        }
      }
    }
  }

  // Lanes have pieces side by side; results are stored in words side by side.
  for (var r = 0u; r < tileRows; r++) {
    let row = firstRow + r;
    let all = subgroupAdd(total[r]);
    for (var n = 0u; n < wordTurns; n++) {
      let word = lane + n * lanes;
      let source = word / pieceVectors % lanes;
      var x = vec4f(0.0);
      for (var j = 0u; j < pieceVectors; j++) {
        let other = subgroupShuffle(sums[r * laneVectors + n / pieceVectors * pieceVectors + j], source);
        x = select(x, other, word % pieceVectors == j);
      }
      let present = row < endRow && word < headVectors;
      storeResult(lane, present, row / groupSize, kvHead * groupSize + row % groupSize, 0u, word, x / all);
      workgroupBarrier();
    }
  }
}
