// out[r, n] = Σ_k x[r, k] · W[n, k] for many rows r: tiles of both factors pass through workgroup memory.
//
// A workgroup makes tileN · tileR outputs, a thread threadN · 4 of them: weight rows tx, tx + teamN, … and x rows
// ty, ty + teamR, … of the tile. K advances by 32: 8 quads (vec4f along K) per row, dequantised on the way in.
// A row's quads are permuted by its number, so that threads on neighbouring rows use different banks.
// Before this: matmulOutput.wgsl and the format of the weights.

override threadN: u32 = 8u; // at most 8
override teamN: u32 = 8u; // threads along N (local x); a multiple of 8 spreads banks best
override teamR: u32 = 16u; // threads along R (local y)
override tileN: u32 = threadN * teamN;
override tileR: u32 = 4u * teamR;
override threads: u32 = teamN * teamR;

const stepQuads = 8u; // 32 columns
const halfQuads = 4u;
const threadR = 4u;

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

  var sums: array<vec4f, 8>; // [weight row], one lane per x row
  for (var k = 0u; k < rowQuads; k += stepQuads) {
    for (var item = thread; item < tileN * 2u; item += threads) {
      // Half a row of the step: 4 quads, from one or more groups.
      let row = item / 2u;
      let n = min(firstN + row, sliceRows - 1u);
      let first = item % 2u * 4u;
      var group: Group;
      for (var i = 0u; i < halfQuads; i++) {
        let quad = k + first + i;
        var value = vec4f();
        if (quad < rowQuads) {
          if (i % groupQuads == 0u) {
            group = loadGroup(n, quad / groupQuads);
          }
          value = groupScale(group) * quants(group, quad % groupQuads);
        }
        tileW[slot(row, first + i)] = value;
      }
    }
    for (var item = thread; item < tileR * stepQuads; item += threads) {
      let row = item / stepQuads;
      let quad = item % stepQuads;
      let r = min(firstR + row, rows - 1u);
      var value = vec4f();
      if (k + quad < rowQuads) {
        value = x[r * rowQuads + k + quad];
      }
      tileX[slot(row, quad)] = value;
    }
    workgroupBarrier();
    for (var quad = 0u; quad < stepQuads; quad++) {
      // Four x rows as columns of K: lanes are x rows.
      let xs = transpose(mat4x4f(
        tileX[slot(local.y, quad)],
        tileX[slot(local.y + teamR, quad)],
        tileX[slot(local.y + 2u * teamR, quad)],
        tileX[slot(local.y + 3u * teamR, quad)],
      ));
      for (var i = 0u; i < threadN; i++) {
        let w = tileW[slot(local.x + i * teamN, quad)];
        sums[i] += w.x * xs[0];
        sums[i] += w.y * xs[1];
        sums[i] += w.z * xs[2];
        sums[i] += w.w * xs[3];
      }
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < threadN; i++) {
    let n = firstN + local.x + i * teamN;
    for (var j = 0u; j < threadR; j++) {
      let r = firstR + local.y + j * teamR;
      if (n < sliceRows && r < rows) {
        store(r, n, sums[i][j]);
      }
    }
  }
}
