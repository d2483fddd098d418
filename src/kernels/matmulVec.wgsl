// out[r, n] = Σ_k x[r, k] · W[n, k] for few rows r: weights are read once, in whole 16-byte words.
//
// The `threadsPerRow` threads of a row (local x) take its groups of weights in turn, so that neighbours read
// neighbouring words; each thread holds `threadRows` weight rows, which share what it reads of x, and `xRows` rows of
// x, which share what it reads of W. `rowGroups` (local y) such teams make a workgroup; z counts batches of xRows.
// Before this: matmulOutput.wgsl, the format of the weights, and `Lanes` with `sumLanes` (matmulVec.*.wgsl).

override threadsPerRow: u32 = 64u;
override rowGroups: u32 = 1u;
override threadRows: u32 = 1u; // at most 4; threadRows · xRows is at most 8
override xRows: u32 = 1u;
override skipRows: bool = false; // saves the arithmetic of absent rows at the price of branches

@compute @workgroup_size(threadsPerRow, rowGroups)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  lanes: Lanes,
) {
  let firstN = (gridIndex(workgroup, workgroups) * rowGroups + local.y) * threadRows;
  let firstR = workgroup.z * xRows;
  let rows = stepRows() - firstR;

  var sums: array<vec4f, 8>;
  for (var g = local.x; g < columns / (4u * groupQuads); g += threadsPerRow) {
    var groups: array<Group, 4>;
    for (var q = 0u; q < threadRows; q++) {
      groups[q] = loadGroup(min(firstN + q, sliceRows - 1u), g);
    }
    for (var part = 0u; part < groupParts; part++) {
      // Said explicitly: Dawn zeroes a bare var once, not in every turn of a loop.
      var partSums = array<vec4f, 8>();
      var xSums = array<vec4f, 8>();
      for (var j = 0u; j < partQuads; j++) {
        for (var i = 0u; i < xRows; i++) {
          if (i == 0u || !skipRows || i < rows) {
            let quad = x[(firstR + min(i, rows - 1u)) * (columns / 4u) + g * groupQuads + part * partQuads + j];
            for (var q = 0u; q < threadRows; q++) {
              partSums[i * threadRows + q] += quants(groups[q], part * partQuads + j) * quad;
            }
            if (hasOffset) {
              xSums[i] += quad;
            }
          }
        }
      }
      for (var i = 0u; i < xRows; i++) {
        for (var q = 0u; q < threadRows; q++) {
          sums[i * threadRows + q] += groupScale(groups[q], part) * partSums[i * threadRows + q];
          if (hasOffset) {
            sums[i * threadRows + q] += groupOffset(groups[q], part) * xSums[i];
          }
        }
      }
    }
  }

  for (var i = 0u; i < xRows; i++) {
    var totals = vec4f();
    for (var q = 0u; q < threadRows; q++) {
      totals[q] = dot(sums[i * threadRows + q], vec4f(1.0));
    }
    totals = sumLanes(totals, lanes, local.x);
    for (var q = local.x; q < threadRows; q += threadsPerRow) {
      if (i < rows && firstN + q < sliceRows) {
        store(firstR + i, firstN + q, totals[q]);
      }
    }
  }
}
