// out[r, n] = f(r) · Σ_k x[r, k] · W[n, k] for many rows r, in integers: bytes of both factors pass through workgroup
// memory as they are, and scales apply once per 32 columns.
//
// A workgroup makes tileN · tileR outputs, a thread threadN · threadR of them: weight rows tx, tx + teamN, … and x rows
// ty, ty + teamR, … of the tile. K advances by stepBlocks · 32 columns. Tiles keep 16-byte words of neighbouring rows
// side by side: what the threads of a subgroup read at once lies in different banks.
// Before this: tileFrame(), the format of the weights, and the sizes as constants.

const tileN = threadN * teamN;
const tileR = threadR * teamR;
const threads = teamN * teamR;
const groupBlocks = groupQuads / 8u;
const stepGroups = stepBlocks / groupBlocks;
const blockParts = 8u / partQuads;
const sharers = threads / (tileR * stepBlocks); // threads that load a block of an x row

var<workgroup> tileW: array<vec4<u32>, stepBlocks * 2u * tileN>; // [block][half][row]
var<workgroup> scalesW: array<f32, stepBlocks * blockParts * tileN>; // [block][part][row]
var<workgroup> offsetsW: array<f32, select(1u, stepBlocks * blockParts * tileN, hasOffset)>;
var<workgroup> tileX: array<vec4<u32>, stepBlocks * 4u * tileR>; // [block][plane][row]
var<workgroup> scalesX: array<f32, stepBlocks * tileR>; // [block][row]
var<workgroup> sumsX: array<f32, select(1u, stepBlocks * blockParts * tileR, hasOffset)>; // [block][part][row]

/// Four weight bytes less their bias, where no offset takes it away: q - bias fits a byte, and 128 more prevents borrows.
fn signedQuad(group: Group, quad: u32) -> u32 {
  let bytes = packedQuad(group, quad);
  if (hasOffset || quantBias == 0.0) {
    return bytes;
  }
  return ((bytes ^ 0x80808080u) - u32(quantBias) * 0x01010101u) ^ 0x80808080u;
}

fn signedWord(group: Group, quad: u32) -> vec4<u32> {
  return vec4<u32>(
    signedQuad(group, quad),
    signedQuad(group, quad + 1u),
    signedQuad(group, quad + 2u),
    signedQuad(group, quad + 3u),
  );
}

fn dotWord(a: vec4<u32>, b: vec4<u32>, start: i32) -> i32 {
  return start + dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}

@compute @workgroup_size(teamN, teamR)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  initFormat(thread, threads);
  let blocks = columns / 32u;
  let rows = stepRows();
  let firstN = workgroup.x * tileN;
  let firstR = workgroup.y * tileR;

  // The block of x that this thread loads in every step, perhaps with others: its planes share, share + sharers, …
  let loadBlock = thread % stepBlocks;
  let loadRow = thread / stepBlocks % tileR;
  let share = thread / (stepBlocks * tileR);
  let loadStart = xStart(min(firstR + loadRow, rows - 1u));

  var sums = array<f32, threadN * threadR>();
  var squares = 0.0;
  for (var k = 0u; k < blocks; k += stepBlocks) {
    for (var item = thread; item < tileN * stepGroups; item += threads) {
      let row = item / stepGroups;
      let block = item % stepGroups * groupBlocks;
      var group = Group(); // zeros beyond K
      if (k + block < blocks) {
        group = loadGroup(min(firstN + row, sliceRows - 1u), (k + block) / groupBlocks);
      }
      for (var b = 0u; b < groupBlocks; b++) {
        let at = (block + b) * 2u * tileN + row;
        tileW[at] = signedWord(group, b * 8u);
        tileW[at + tileN] = signedWord(group, b * 8u + 4u);
        for (var part = 0u; part < blockParts; part++) {
          let scale = groupScale(group, b * blockParts + part);
          let atPart = ((block + b) * blockParts + part) * tileN + row;
          scalesW[atPart] = scale;
          if (hasOffset) {
            offsetsW[atPart] = groupOffset(group, b * blockParts + part) - quantBias * scale;
          }
        }
      }
    }
    if (share < sharers) {
      for (var plane = share; plane < 5u; plane += sharers) {
        var word = vec4<u32>();
        if (k + loadBlock < blocks) {
          word = x[loadStart + plane * blocks + k + loadBlock];
        }
        if (plane < 4u) {
          tileX[(loadBlock * 4u + plane) * tileR + loadRow] = word;
        } else {
          let summary = bitcast<vec4f>(word);
          scalesX[loadBlock * tileR + loadRow] = summary.x;
          squares += summary.w;
          if (hasOffset) {
            if (blockParts == 1u) {
              sumsX[loadBlock * tileR + loadRow] = summary.y + summary.z;
            } else {
              sumsX[loadBlock * 2u * tileR + loadRow] = summary.y;
              sumsX[(loadBlock * 2u + 1u) * tileR + loadRow] = summary.z;
            }
          }
        }
      }
    }
    workgroupBarrier();
    if (hasOffset) {
      for (var part = 0u; part < stepBlocks * blockParts; part++) {
        for (var j = 0u; j < threadR; j++) {
          let sum = sumsX[part * tileR + local.y + j * teamR];
          for (var i = 0u; i < threadN; i++) {
            sums[i * threadR + j] += offsetsW[part * tileN + local.x + i * teamN] * sum;
          }
        }
      }
    }
    for (var block = 0u; block < stepBlocks; block++) {
      var xs = array<vec4<u32>, 4u * threadR>(); // [row][plane]
      var scales = array<f32, threadR>();
      for (var j = 0u; j < threadR; j++) {
        let row = local.y + j * teamR;
        for (var plane = 0u; plane < 4u; plane++) {
          xs[j * 4u + plane] = tileX[(block * 4u + plane) * tileR + row];
        }
        scales[j] = scalesX[block * tileR + row];
      }
      for (var i = 0u; i < threadN; i++) {
        let n = local.x + i * teamN;
        let low = tileW[block * 2u * tileN + n];
        let high = tileW[(block * 2u + 1u) * tileN + n];
        for (var j = 0u; j < threadR; j++) {
          if (blockParts == 1u) {
            let upper = dotWord(high, xs[j * 4u + 1u], dotWord(low, xs[j * 4u], 0));
            let sum = dotWord(high, xs[j * 4u + 3u], dotWord(low, xs[j * 4u + 2u], upper << 8u));
            sums[i * threadR + j] += scalesW[block * tileN + n] * scales[j] * f32(sum);
          } else {
            let first = dotWord(low, xs[j * 4u + 2u], dotWord(low, xs[j * 4u], 0) << 8u);
            let second = dotWord(high, xs[j * 4u + 3u], dotWord(high, xs[j * 4u + 1u], 0) << 8u);
            let at = block * 2u * tileN + n;
            sums[i * threadR + j] +=
              (scalesW[at] * f32(first) + scalesW[at + tileN] * f32(second)) * scales[j];
          }
        }
      }
    }
    workgroupBarrier();
  }

  var factors = array<f32, threadR>();
  if (normalize) {
    // Who loaded the blocks' last plane has summed their squares.
    if (share == 4u % sharers) {
      scalesX[loadBlock * tileR + loadRow] = squares;
    }
    workgroupBarrier();
    for (var j = 0u; j < threadR; j++) {
      var total = 0.0;
      for (var block = 0u; block < stepBlocks; block++) {
        total += scalesX[block * tileR + local.y + j * teamR];
      }
      factors[j] = rowFactor(total);
    }
  }
  for (var i = 0u; i < threadN; i++) {
    let n = firstN + local.x + i * teamN;
    for (var j = 0u; j < threadR; j++) {
      let r = firstR + local.y + j * teamR;
      if (n < sliceRows && r < rows) {
        if (normalize) {
          store(r, n, factors[j] * sums[i * threadR + j]);
        } else {
          store(r, n, sums[i * threadR + j]);
        }
      }
    }
  }
}
