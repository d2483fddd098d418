// out[r, n] = f(r) · Σ_k x[r, k] · W[n, k] for many rows r: tiles of both factors pass through workgroup memory.
//
// A workgroup makes tileN · tileR outputs, a thread threadN · 4 of them: weight rows tx, tx + teamN, … and x rows
// ty, ty + teamR, … of the tile. K advances by 32: 8 quads (vec4f along K) per row, dequantised on the way in.
// A row's quads are permuted by its number, so that threads on neighbouring rows use different banks.
// Before this: tileFrame(), the format of the weights, how x is read (matmulTiled.*.wgsl), and the sizes as constants:
// threadN is at most 8, threadR is 4, teamN and teamR (local x and y) are multiples of 8.

const tileN = threadN * teamN;
const tileR = threadR * teamR;
const threads = teamN * teamR;
const stepQuads = 8u; // 32 columns
const loadQuads = min(groupQuads, 4u); // what a thread dequantises at once: of one part

var<workgroup> tileW: array<vec4f, tileN * stepQuads>;
var<workgroup> tileX: array<vec4f, tileR * stepQuads>;

/// Where a tile keeps quad `quad` of row `row`.
fn slot(row: u32, quad: u32) -> u32 {
  return row * stepQuads + (quad ^ (row % stepQuads));
}

@compute @workgroup_size(teamN, teamR)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let rowQuads = columns / 4u;
  let rows = stepRows();
  let firstN = workgroup.x * tileN;
  let firstR = workgroup.y * tileR;

  var squares = 0.0; // of this thread's share of row thread % tileR
  if (normalize) {
    let start = xStart(min(firstR + thread % tileR, rows - 1u));
    for (var block = thread / tileR; block < (columns + 31u) / 32u; block += threads / tileR) {
      squares += blockSquares(start, block);
    }
  }
  var sums: array<vec4f, threadN>; // [weight row], one lane per x row
  for (var k = 0u; k < rowQuads; k += stepQuads) {
    for (var item = thread; item < tileN * (stepQuads / loadQuads); item += threads) {
      let row = item / (stepQuads / loadQuads);
      let first = item % (stepQuads / loadQuads) * loadQuads;
      var group = Group(); // zeros beyond K
      if (k + first < rowQuads) {
        group = loadGroup(min(firstN + row, sliceRows - 1u), (k + first) / groupQuads);
      }
      let inGroup = (k + first) % groupQuads;
      let scale = groupScale(group, inGroup / partQuads);
      let offset = groupOffset(group, inGroup / partQuads);
      for (var i = 0u; i < loadQuads; i++) {
        tileW[slot(row, first + i)] = scale * quants(group, inGroup + i) + offset;
      }
    }
    for (var item = thread; item < tileR * (stepQuads / xQuads); item += threads) {
      let row = item / (stepQuads / xQuads);
      let first = item % (stepQuads / xQuads) * xQuads;
      var values = array<vec4f, xQuads>();
      if (k + first < rowQuads) {
        values = loadX(xStart(min(firstR + row, rows - 1u)), k + first);
      }
      for (var i = 0u; i < xQuads; i++) {
        tileX[slot(row, first + i)] = values[i];
      }
    }
    workgroupBarrier();
    for (var quad = 0u; quad < stepQuads; quad++) {
      // Rows of a thread are multiples of 8 apart, so one permutation serves them all.
      let atW = slot(local.x, quad);
      let atX = slot(local.y, quad);
      // Four x rows as columns of K: lanes are x rows.
      let xs = transpose(mat4x4f(
        tileX[atX],
        tileX[atX + teamR * stepQuads],
        tileX[atX + 2u * teamR * stepQuads],
        tileX[atX + 3u * teamR * stepQuads],
      ));
      for (var i = 0u; i < threadN; i++) {
        let w = tileW[atW + i * teamN * stepQuads];
        sums[i] += w.x * xs[0];
        sums[i] += w.y * xs[1];
        sums[i] += w.z * xs[2];
        sums[i] += w.w * xs[3];
      }
    }
    workgroupBarrier();
  }

  var factors = vec4f(1.0);
  if (normalize) {
    tileX[thread].x = squares; // the tile is used up
    workgroupBarrier();
    for (var j = 0u; j < threadR; j++) {
      var total = 0.0;
      for (var sharer = local.y + j * teamR; sharer < threads; sharer += tileR) {
        total += tileX[sharer].x;
      }
      factors[j] = rowFactor(total);
    }
  }
  for (var i = 0u; i < threadN; i++) {
    let n = firstN + local.x + i * teamN;
    for (var j = 0u; j < threadR; j++) {
      let r = firstR + local.y + j * teamR;
      if (n < sliceRows && r < rows) {
        store(r, n, factors[j] * sums[i][j]);
      }
    }
  }
}
