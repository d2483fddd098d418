// Sums of products in f32, weights dequantized on the way: for weights that are floats, and for adapters whose packed
// dot products are slow.
// Before this: sizes, the format of the weights, the reader of x.

/// Vec4s of x that are read at once: a block of 32 of packed rows, else a group of weights.
const readQuads = min(groupQuads, 8u);
const groupReads = groupQuads / readQuads;
/// Of them, those with one scale.
const partReads = min(partQuads, readQuads);
const readParts = readQuads / partReads;

/// For thread `lane` of a team: sums[i · threadRows + q] of x row i and weight row q, then the squares of each x row.
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
      var values: array<vec4f, threadRows * readQuads>;
      for (var q = 0u; q < threadRows; q++) {
        for (var j = 0u; j < readQuads; j++) {
          values[q * readQuads + j] = quants(groups[q], block * readQuads + j);
          if (hasOffset) {
            let part = (block * readQuads + j) / partQuads;
            values[q * readQuads + j] =
              groupScale(groups[q], part) * values[q * readQuads + j] + groupOffset(groups[q], part);
          }
        }
      }
      for (var i = 0u; i < xRows; i++) {
        let xs = readX(i, (*x)[i], g * groupReads + block, lanes);
        if (normalized) {
          (*sums)[xRows * threadRows + i] += xSquares(xs);
        }
        for (var part = 0u; part < readParts; part++) {
          var partSums = array<f32, threadRows>();
          for (var j = 0u; j < partReads; j++) {
            let quad = xQuad(xs, part * partReads + j);
            for (var q = 0u; q < threadRows; q++) {
              partSums[q] += dot(values[q * readQuads + part * partReads + j], quad);
            }
          }
          for (var q = 0u; q < threadRows; q++) {
            // Without offsets a scale is for whole sums.
            let scale = select(groupScale(groups[q], block * readParts + part), 1.0, hasOffset);
            (*sums)[i * threadRows + q] += scale * partSums[q];
          }
        }
      }
    }
  }
}
