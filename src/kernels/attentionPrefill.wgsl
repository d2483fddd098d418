// out[t, h, :] = softmax(q[t, h, :] · keys / √…) · values over the positions that token t sees, for many tokens
//
// A workgroup is 32 rows × one kv head, where a row is one query head of one token: rows of a tile are the query heads
// that share the kv head, of consecutive tokens. Keys and values pass through workgroup memory in tiles of 32
// positions, with an online softmax (base 2) per row; each row masks what its own token does not see.
// Tokens of a tile may belong to several sequences: these are taken one after the other, all other rows masked.
//   scores: thread (a, b) has rows a, a + threads / 8 …, positions 4b … 4b + 3; keys and queries pass in turns of
//     `turn` elements
//   softmax: threads / 32 threads per row
//   values: a thread has `valueRows` rows × every 16th vec4 of E
//
// The TypeScript side declares sizes (threads, scoreRows, valueRows among them), the cache (bindings 1 and 2), and
// `storeResult` (binding 4), and fills in WINDOW_END and FIRST_TILE.

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>; // (T, (heads + 2 · kvHeads) · E): queries are normed and turned
@group(0) @binding(3) var<storage, read> inputs: array<u32>; // sequences, lengths, page table

/// Softmax scale · log2(e).
override scale: f32;

const tile = 32u; // rows, and positions
const headVectors = headWidth / 4u;
const turnVectors = turn / 4u;
const turnPieces = turnVectors / pieceVectors;
const stride = 9u; // vec4 per row in workgroup memory: one more than 32 elements, against bank conflicts
const slots = (headVectors + 15u) / 16u;
const valuePositions = min(tile * stride / headVectors / 4u * 4u, tile); // positions whose values fit in `right`
const rowStep = threads / 8u; // between the rows of a thread's scores
const softmaxLanes = threads / tile; // threads per row
const softmaxVectors = tile / 4u / softmaxLanes; // four positions each
const hidden = -3.4e38;

var<workgroup> left: array<vec4<f32>, tile * stride>; // queries; then scores and weights (row, position)
var<workgroup> right: array<vec4<f32>, tile * stride>; // keys; then values
var<workgroup> folds: array<f32, threads>; // per row: rescaling; at the end (row, softmaxLanes): sums of weights

/// The page of a position, as the cache counts it for a kv head.
fn headOf(sequence: u32, kvHead: u32, position: u32) -> u32 {
  return pageHead(inputs[pageTableAt + sequence * maxPages + position / pageSize], kvHead);
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let kvHead = group.y;
  let firstRow = group.x * tile;
  let endRow = min(firstRow + tile, stepRows() * groupSize);
  let endToken = (endRow + groupSize - 1u) / groupSize;

  let a = thread / 8u;
  let b = thread % 8u;
  let softmaxRow = thread / softmaxLanes;
  let softmaxLane = thread % softmaxLanes;
  let softmaxToken = (firstRow + softmaxRow) / groupSize;
  let valueLane = thread % 16u;
  let valueRow = thread / 16u * valueRows;
  var rowEnd = 0u;
  if (firstRow + softmaxRow < endRow) {
    rowEnd = inputs[lengthsAt + softmaxToken];
  }
  let rowBegin = WINDOW_END(softmaxToken, rowEnd) - min(WINDOW_END(softmaxToken, rowEnd), window);

  var largest = hidden;
  var sum = 0.0;
  var sums: array<vec4<f32>, slots * valueRows>; // (slot, row)

  var token = firstRow / groupSize;
  while (token < endToken) {
    // Tokens of the same sequence, and all positions that any of them sees.
    let sequence = inputs[sequencesAt + token];
    let runBegin = token;
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
    let inRun = softmaxToken >= runBegin && softmaxToken < token;

    for (var base = FIRST_TILE(begin, tile); base < end; base += tile) {
      var scores = array<vec4<f32>, scoreRows>();
      for (var start = 0u; start < rolled(headVectors); start += turnVectors) {
        for (var i = thread; i < tile * turnVectors; i += threads) {
          let row = i / turnVectors;
          let at = row * stride + i % turnVectors;
          left[at] = vec4(0.0);
          if (firstRow + row < endRow) {
            let query = kvHead * groupSize + (firstRow + row) % groupSize;
            let at4 = ((firstRow + row) / groupSize * (heads + 2u * kvHeads) + query) * headVectors + start;
            left[at] = qkv[at4 + i % turnVectors] * scale;
          }
        }
        for (var i = thread; i < tile * turnPieces; i += threads) {
          let position = i / turnPieces;
          let piece = i % turnPieces;
          var key = Piece();
          if (base + position < end) {
            let head = headOf(sequence, kvHead, base + position);
            key = keyPiece(head, (base + position) % pageSize, start / pieceVectors + piece);
          }
          // Positions 4b + c lie at rows 8c + b, so that threads side by side read rows side by side.
          let at = (position % 4u * 8u + position / 4u) * stride + piece * pieceVectors;
          for (var j = 0u; j < pieceVectors; j++) {
            right[at + j] = key.v[j] * key.scale;
          }
        }
        workgroupBarrier();
        for (var i = 0u; i < rolled(turnVectors); i += 1u) {
          let k0 = right[b * stride + i];
          let k1 = right[(b + 8u) * stride + i];
          let k2 = right[(b + 16u) * stride + i];
          let k3 = right[(b + 24u) * stride + i];
          for (var r = 0u; r < scoreRows; r++) {
            let query = left[(a + r * rowStep) * stride + i];
            scores[r] += vec4(dot(query, k0), dot(query, k1), dot(query, k2), dot(query, k3));
          }
        }
        workgroupBarrier();
      }
      for (var r = 0u; r < scoreRows; r++) {
        left[(a + r * rowStep) * stride + b] = scores[r];
      }
      workgroupBarrier();

      // All threads of a row find its maximum; each then weighs its own share of the positions.
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
      for (var i = softmaxVectors * softmaxLane; i < rolled(softmaxVectors * (softmaxLane + 1u)); i += 1u) {
        let position = vec4(4u * i) + vec4(0u, 1u, 2u, 3u);
        let seen = (position >= vec4(seenBegin)) & (position < vec4(seenEnd));
        let weight = select(vec4(0.0), exp2(left[row + i] - largest), seen);
        left[row + i] = weight;
        sum += weight.x + weight.y + weight.z + weight.w;
      }
      if (softmaxLane == 0u) {
        folds[softmaxRow] = change;
      }

      for (var first = 0u; first < min(tile, end - base); first += valuePositions) {
        let count = min(valuePositions, tile - first);
        for (var i = thread; i < count * headPieces; i += threads) {
          let position = base + first + i / headPieces;
          var value = Piece();
          if (position < end) {
            value = valuePiece(headOf(sequence, kvHead, position), position % pageSize, i % headPieces);
          }
          for (var j = 0u; j < pieceVectors; j++) {
            right[pieceVectors * i + j] = value.v[j] * value.scale;
          }
        }
        workgroupBarrier();
        if (first == 0u) {
          for (var s = 0u; s < slots; s++) {
            for (var r = 0u; r < rolled(valueRows); r++) {
              sums[s * valueRows + r] *= folds[valueRow + r];
            }
          }
        }
        for (var p = 0u; p < rolled(count); p += 4u) {
          let at = valueRow * stride + (first + p) / 4u;
          for (var s = 0u; s < slots; s++) {
            let lane = valueLane + 16u * s;
            if (lane < headVectors) {
              let v0 = right[p * headVectors + lane];
              let v1 = right[(p + 1u) * headVectors + lane];
              let v2 = right[(p + 2u) * headVectors + lane];
              let v3 = right[(p + 3u) * headVectors + lane];
              for (var r = 0u; r < valueRows; r++) {
                let w = left[at + r * stride];
                sums[s * valueRows + r] += w.x * v0 + w.y * v1 + w.z * v2 + w.w * v3;
              }
            }
          }
        }
        workgroupBarrier();
      }
    }
  }

  folds[thread] = sum;
  workgroupBarrier();
  for (var r = 0u; r < rolled(valueRows); r++) {
    let row = firstRow + valueRow + r;
    var total = 0.0;
    for (var i = 0u; i < softmaxLanes; i++) {
      total += folds[(valueRow + r) * softmaxLanes + i];
    }
    for (var s = 0u; s < slots; s++) {
      let word = valueLane + 16u * s;
      let present = row < endRow && word < headVectors;
      let head = kvHead * groupSize + row % groupSize;
      storeResult(thread, present, row / groupSize, head, 0u, min(word, headVectors - 1u), sums[s * valueRows + r] / total);
      workgroupBarrier();
    }
  }
}
