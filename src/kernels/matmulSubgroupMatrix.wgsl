// out[r, n] = f(r) · Σ_k x[r, k] · W[n, k] for many rows r, by the GPU's matrix units: subgroups multiply small matrices.
//
// A workgroup makes 64 by 64 outputs, each of its first four subgroups 32 by 32 of them: rows of x are the left matrix,
// weight rows the columns of the right one. Elements may be f16; so that large x stay finite there, x is divided by
// elementScale and weights are multiplied by it. Sums are f32.
// Before this: tileFrame(), the format of the weights, how x is read (matmulTiled.*.wgsl), alias Element, and as
// constants elementScale, stepColumns (K advances by them), stride (of a tile's rows, in elements), threads, and
// matrixM, matrixN, matrixK (a left matrix is M rows by K columns).

const tileSize = 64u;
const teamSize = 32u; // outputs of a subgroup in either direction
const teams = 4u;
const matricesR = teamSize / matrixM;
const matricesN = teamSize / matrixN;
const stepQuads = stepColumns / 4u;
const loadQuads = min(groupQuads, 4u); // what a thread dequantises at once: of one part
const stageSize = matrixM * matrixN;

alias Left = subgroup_matrix_left<Element, matrixK, matrixM>;
alias Right = subgroup_matrix_right<Element, matrixN, matrixK>;
alias Sum = subgroup_matrix_result<f32, matrixN, matrixM>;

var<workgroup> tileW: array<Element, tileSize * stride>;
var<workgroup> tileX: array<Element, tileSize * stride>;
var<workgroup> stage: array<f32, teams * stageSize>;
var<workgroup> factors: array<f32, tileSize>;

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let rowQuads = columns / 4u;
  let rows = stepRows();
  let firstN = workgroup.x * tileSize;
  let firstR = workgroup.y * tileSize;
  let teamR = subgroup / 2u * teamSize;
  let teamN = subgroup % 2u * teamSize;

  if (normalize && thread < tileSize) {
    let start = xStart(min(firstR + thread, rows - 1u));
    var squares = 0.0;
    for (var block = 0u; block < (columns + 31u) / 32u; block++) {
      squares += blockSquares(start, block);
    }
    factors[thread] = rowFactor(squares);
  }

  var sums: array<Sum, matricesR * matricesN>;
  for (var k = 0u; k < rowQuads; k += stepQuads) {
    for (var item = thread; item < tileSize * (stepQuads / loadQuads); item += threads) {
      let row = item / (stepQuads / loadQuads);
      let first = item % (stepQuads / loadQuads) * loadQuads;
      var group = Group(); // zeros beyond K
      if (k + first < rowQuads) {
        group = loadGroup(min(firstN + row, sliceRows - 1u), (k + first) / groupQuads);
      }
      let inGroup = (k + first) % groupQuads;
      let scale = elementScale * groupScale(group, inGroup / partQuads);
      let offset = elementScale * groupOffset(group, inGroup / partQuads);
      for (var i = 0u; i < loadQuads; i++) {
        let value = scale * quants(group, inGroup + i) + offset;
        for (var j = 0u; j < 4u; j++) {
          tileW[row * stride + (first + i) * 4u + j] = Element(value[j]);
        }
      }
    }
    for (var item = thread; item < tileSize * (stepQuads / xQuads); item += threads) {
      let row = item / (stepQuads / xQuads);
      let first = item % (stepQuads / xQuads) * xQuads;
      var values = array<vec4f, xQuads>();
      if (k + first < rowQuads) {
        values = loadX(xStart(min(firstR + row, rows - 1u)), k + first);
      }
      for (var i = 0u; i < xQuads; i++) {
        let value = clamp(values[i] / elementScale, vec4f(-65504.0), vec4f(65504.0));
        for (var j = 0u; j < 4u; j++) {
          tileX[row * stride + (first + i) * 4u + j] = Element(value[j]);
        }
      }
    }
    workgroupBarrier();
    if (subgroup < teams) {
      for (var column = 0u; column < stepColumns; column += matrixK) {
        var lefts: array<Left, matricesR>;
        for (var i = 0u; i < matricesR; i++) {
          lefts[i] = subgroupMatrixLoad<Left>(&tileX, (teamR + i * matrixM) * stride + column, false, stride);
        }
        for (var j = 0u; j < matricesN; j++) {
          let right = subgroupMatrixLoad<Right>(&tileW, (teamN + j * matrixN) * stride + column, true, stride);
          for (var i = 0u; i < matricesR; i++) {
            sums[i * matricesN + j] = subgroupMatrixMultiplyAccumulate(lefts[i], right, sums[i * matricesN + j]);
          }
        }
      }
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < matricesR; i++) {
    for (var j = 0u; j < matricesN; j++) {
      if (subgroup < teams) {
        subgroupMatrixStore(&stage, subgroup * stageSize, sums[i * matricesN + j], false, matrixN);
      }
      workgroupBarrier();
      for (var item = thread; item < teams * stageSize; item += threads) {
        let team = item / stageSize;
        let row = team / 2u * teamSize + i * matrixM + item % stageSize / matrixN;
        let n = firstN + team % 2u * teamSize + j * matrixN + item % matrixN;
        if (n < sliceRows && firstR + row < rows) {
          var sum = stage[item];
          if (normalize) {
            sum *= factors[row];
          }
          store(firstR + row, n, sum);
        }
      }
      workgroupBarrier();
    }
  }
}
