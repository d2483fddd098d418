// The q heads that share a kv head, its k and its v, of one token: from the qkv tensor into workgroup memory, where
// heads are normed and turned, and to the cache. Used by the kernels that append.
//
// Head groups: where a kv head has more q heads than `groupHeads`, several workgroups take some of them each. The last
// one may have fewer: the rest repeat the last head, and are not stored.
//
// The TypeScript side declares `threads`, `rolled`, sizes, what rope.ts and kvCache.ts do, and `normedRow(row, sum)`: the factor
// of a row by its sum of squares.

@group(0) @binding(0) var<storage, QKV_ACCESS> qkv: array<f32>; // (T, (heads + 2 · kvHeads) · headWidth)

const rowCount = groupHeads + 2u; // q heads, k, v
const keyRow = groupHeads;
const valueRow = groupHeads + 1u;
const rowLanes = 8u; // threads that sum a row's squares
const qkvWidth = (heads + 2u * kvHeads) * headWidth;

var<workgroup> rows: array<f32, rowCount * headWidth>;
var<workgroup> rowFolds: array<f32, rowCount * rowLanes>;

/// Where a row starts in qkv.
fn rowStart(token: u32, kvHead: u32, firstInGroup: u32, row: u32) -> u32 {
  let query = kvHead * groupSize + min(firstInGroup + row, groupSize - 1u);
  let other = heads + (row - min(row, groupHeads)) * kvHeads + kvHead;
  return token * qkvWidth + select(other, query, row < groupHeads) * headWidth;
}

/// Loads, norms and turns the rows; queries are multiplied by `queryScale`. `inputs` has the positions.
fn prepareRows(thread: u32, token: u32, kvHead: u32, firstInGroup: u32, queryScale: f32) {
  for (var i = thread; i < rowCount * headWidth; i += threads) {
    rows[i] = qkv[rowStart(token, kvHead, firstInGroup, i / headWidth) + i % headWidth];
  }
  workgroupBarrier();
  if (hasHeadNorm) {
    for (var i = thread; i < valueRow * rowLanes; i += threads) {
      var sum = 0.0;
      for (var e = i % rowLanes; e < headWidth; e += rowLanes) {
        let x = rows[i / rowLanes * headWidth + e];
        sum += x * x;
      }
      rowFolds[i] = sum;
    }
    workgroupBarrier();
  }
  for (var i = thread; i < valueRow * headWidth / 2u; i += threads) {
    let row = i / (headWidth / 2u);
    let pair = i % (headWidth / 2u);
    let at = vec2(row * headWidth) + pairElements(pair);
    var x = vec2f(rows[at.x], rows[at.y]) * select(queryScale, 1.0, row == keyRow);
    if (hasHeadNorm) {
      var sum = 0.0;
      for (var lane = 0u; lane < rolled(rowLanes); lane += 1u) {
        sum += rowFolds[row * rowLanes + lane];
      }
      x *= headNorm(sum, row == keyRow, pairElements(pair));
    }
    if (pair < pairs) {
      let turn = rotation(inputs[positionsAt + token * axisCount + pairAxis(pair)], pair);
      x = vec2f(x.x * turn.x - x.y * turn.y, x.x * turn.y + x.y * turn.x);
    }
    rows[at.x] = x.x;
    rows[at.y] = x.y;
  }
  workgroupBarrier();
}

/// Rounds the rows of k and v to what the cache holds; writes them there if `store`. A slot outside it stores nothing.
fn appendRows(thread: u32, kvHead: u32, slot: u32, store: bool) {
  let inside = store && slot < pages * pageSize;
  let head = pageHead(slot / pageSize, kvHead);
  for (var i = thread; i < 2u * headBlocks; i += threads) {
    let block = i % headBlocks;
    let start = (keyRow + i / headBlocks) * headWidth + block * blockVectors * 4u;
    var x = array<vec4f, blockVectors>();
    for (var j = 0u; j < blockVectors; j++) {
      let at = start + 4u * j;
      x[j] = vec4f(rows[at], rows[at + 1u], rows[at + 2u], rows[at + 3u]);
    }
    if (i < headBlocks) {
      storeKeyBlock(inside, head, slot % pageSize, block, &x);
    } else {
      storeValueBlock(inside, head, slot % pageSize, block, &x);
    }
    for (var j = 0u; j < blockVectors; j++) {
      let at = start + 4u * j;
      rows[at] = x[j].x;
      rows[at + 1u] = x[j].y;
      rows[at + 2u] = x[j].z;
      rows[at + 3u] = x[j].w;
    }
  }
  workgroupBarrier();
}
