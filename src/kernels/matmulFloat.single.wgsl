// As matmulFloat.wgsl, for single rows: each weight goes straight into its product, as no other row has a use for it. Sums
// are rounded alike.
// Before this: sizes, the format of the weights, the reader of x.

/// Vec4s of x that are read at once: a block of 32 of packed rows, else a group of weights.
const readQuads = min(groupQuads, 8u);
const groupReads = groupQuads / readQuads;
/// Of them, those with one scale.
const partReads = min(partQuads, readQuads);
const readParts = readQuads / partReads;

/// For thread `lane` of a team: a sum for each weight row q, then the squares of the x row.
fn accumulate(
  x: ptr<function, array<u32, xRows>>,
  w: ptr<function, array<u32, threadRows>>,
  lane: u32,
  lanes: Lanes,
  sums: ptr<function, array<f32, sumCount>>,
) {
  for (var g = lane; g < columns / (4u * groupQuads); g += threadsPerRow) {
    var groups: array<Group, threadRows>;
    for (var q = 0u; q < threadRows; q++) {
      groups[q] = loadGroup((*w)[q], g);
    }
    for (var block = 0u; block < groupReads; block++) {
      let xs = readX(0u, (*x)[0], g * groupReads + block, lanes);
      if (normalized) {
        (*sums)[threadRows] += xSquares(xs);
      }
      for (var part = 0u; part < readParts; part++) {
        var partSums = array<f32, threadRows>();
        for (var j = 0u; j < partReads; j++) {
          let quad = xQuad(xs, part * partReads + j);
          for (var q = 0u; q < threadRows; q++) {
            var value = quants(groups[q], block * readQuads + part * partReads + j);
            if (hasOffset) {
              let at = (block * readQuads + part * partReads + j) / partQuads;
              value = groupScale(groups[q], at) * value + groupOffset(groups[q], at);
            }
            partSums[q] += dot(value, quad);
          }
        }
        for (var q = 0u; q < threadRows; q++) {
          // Without offsets a scale is for whole sums.
          let scale = select(groupScale(groups[q], block * readParts + part), 1.0, hasOffset);
          (*sums)[q] += scale * partSums[q];
        }
      }
    }
  }
}
