// Sums of products as packed dot products: weights as bytes, x as 16-bit integers in two bytes, a scale for each
// block of 32. Integer sums of a block are exact; f32 only adds up blocks.
// Before this: sizes, the format of the weights, the reader of x.

const blockQuads = 8u;
const groupBlocks = groupQuads / blockQuads;
const dotParts = blockQuads / partQuads;

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
    for (var block = 0u; block < groupBlocks; block++) {
      var words: array<u32, threadRows * blockQuads>;
      for (var q = 0u; q < threadRows; q++) {
        for (var j = 0u; j < blockQuads; j++) {
          words[q * blockQuads + j] = packedQuad(groups[q], block * blockQuads + j);
        }
      }
      for (var i = 0u; i < xRows; i++) {
        let xs = readX(i, (*x)[i], g * groupBlocks + block, lanes);
        let summary = xSummary(xs);
        if (normalized) {
          (*sums)[xRows * threadRows + i] += summary.w;
        }
        for (var part = 0u; part < dotParts; part++) {
          var high = array<i32, threadRows>();
          var low = array<i32, threadRows>();
          for (var j = 0u; j < partQuads; j++) {
            let xHighWord = xHigh(xs, part * partQuads + j);
            let xLowWord = xLow(xs, part * partQuads + j);
            for (var q = 0u; q < threadRows; q++) {
              high[q] += dot4I8Packed(words[q * blockQuads + part * partQuads + j], xHighWord);
              low[q] += dot4I8Packed(words[q * blockQuads + part * partQuads + j], xLowWord);
            }
          }
          var partSum = summary.y + summary.z;
          if (dotParts == 2u) {
            partSum = select(summary.z, summary.y, part == 0u);
          }
          for (var q = 0u; q < threadRows; q++) {
            let scale = groupScale(groups[q], block * dotParts + part);
            (*sums)[i * threadRows + q] += scale * (summary.x * f32((high[q] << 8u) + low[q]));
            if (hasOffset || quantBias != 0.0) {
              let offset = groupOffset(groups[q], block * dotParts + part) - quantBias * scale;
              (*sums)[i * threadRows + q] += offset * partSum;
            }
          }
        }
      }
    }
  }
}
