// The line of a row's tokens (see sampleSelect.wgsl): `addBins` adds up the bins of all chunks, `find` goes from a point to
// its token, `within` measures the tokens near the best one.
//
// From a point to its bin by the histogram, then through the chunks that have tokens in that bin; as long as those are
// more than `listSize`, by finer histograms, else by sorting them. Lengths are 64-bit integers (low, high), in units of the
// lowest octave's.
// Before this: sampleCommon.wgsl. After this: the bindings that it reads.

override listSize: u32 = 256u;

var<private> row: u32;
var<private> adjusts: bool;
var<private> placeScale: u32;
var<private> topOctave: u32;

fn add64(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn subtract64(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  return vec2(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}

fn less64(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.y < b.y || (a.y == b.y && a.x < b.x);
}

/// a * b
fn multiply32(a: u32, b: u32) -> vec2<u32> {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return vec2((other << 16u) | (low & 0xffffu), (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u));
}

/// The whole part of a * fraction / 2^32.
fn share64(a: vec2<u32>, fraction: u32) -> vec2<u32> {
  return add64(multiply32(a.y, fraction), vec2(multiply32(a.x, fraction).y, 0u));
}

/// Length of a sum of weights in an octave this far below the best.
fn lengthOf(weight: u32, below: u32) -> vec2<u32> {
  let shift = octaves - 1u - below;
  return vec2(weight << shift, select(0u, weight >> (32u - max(shift, 1u)), shift > 0u));
}

/// The whole number of such weights in a length, which is below 2^32.
fn weightIn(length: vec2<u32>, below: u32) -> u32 {
  let shift = octaves - 1u - below;
  return (length.x >> shift) | select(0u, length.y << (32u - max(shift, 1u)), shift > 0u);
}

struct Candidate {
  bin: u32, // `bins` where it is none
  order: u32, // in the bin, orderBits, lowest first; equal ones by id
  weight: u32,
}

fn candidateAt(token: u32) -> Candidate {
  var bits: u32;
  if (adjusts) {
    bits = adjusted[row * vocab + token];
  } else {
    bits = logitAt(row * vocab + token);
  }
  if (orderedKey(bits) <= keyOfLowest) {
    return Candidate(bins, 0u, 0u);
  }
  let place = placeOf(bits, placeScale);
  let below = topOctave - place.octave;
  if (below >= octaves) {
    return Candidate(bins, 0u, 0u);
  }
  let ones = (1u << orderBits) - 1u;
  return Candidate(
    below * octaveBins + partOf(place.fraction),
    ones - (place.fraction & ones),
    weightOf(place.fraction),
  );
}

var<workgroup> binCounts: array<u32, bins>;
var<workgroup> binWeights: array<u32, bins>;
var<workgroup> countsBefore: array<u32, bins>;
var<workgroup> lengthsBefore: array<vec2<u32>, bins>;
var<workgroup> octaveCounts: array<u32, octaves>;
var<workgroup> octaveWeights: array<u32, octaves>;
var<workgroup> totalLength: vec2<u32>;

/// How many bins further down the row's histogram a chunk's begins; `bins` where it has nothing there.
fn binOffset(chunk: u32) -> u32 {
  return min(topOctave - chunks[headAt(row, chunk) + chunkOctave], octaves) * octaveBins;
}

/// The row's histogram, and what lies before each bin.
fn addBins(thread: u32) {
  for (var bin = thread; bin < bins; bin += threads) {
    var count = 0u;
    var weight = 0u;
    for (var chunk = 0u; chunk < chunkCount; chunk++) {
      let offset = binOffset(chunk);
      if (offset <= bin) {
        let at = headAt(row, chunk) + headWords + bin - offset;
        count += chunks[at];
        weight += chunks[at + bins];
      }
    }
    binCounts[bin] = count;
    binWeights[bin] = weight;
  }
  workgroupBarrier();
  for (var octave = thread; octave < octaves; octave += threads) {
    var count = 0u;
    var weight = 0u;
    for (var i = 0u; i < octaveBins; i++) {
      count += binCounts[octave * octaveBins + i];
      weight += binWeights[octave * octaveBins + i];
    }
    octaveCounts[octave] = count;
    octaveWeights[octave] = weight;
  }
  workgroupBarrier();
  for (var bin = thread; bin < bins; bin += threads) {
    let below = bin / octaveBins;
    var count = 0u;
    var length = vec2(0u);
    for (var octave = 0u; octave < below; octave++) {
      count += octaveCounts[octave];
      length = add64(length, lengthOf(octaveWeights[octave], octave));
    }
    var weight = 0u;
    for (var i = below * octaveBins; i < bin; i++) {
      count += binCounts[i];
      weight += binWeights[i];
    }
    length = add64(length, lengthOf(weight, below));
    countsBefore[bin] = count;
    lengthsBefore[bin] = length;
    if (bin == bins - 1u) {
      totalLength = add64(length, lengthOf(binWeights[bin], below));
    }
  }
  workgroupBarrier();
}

/// What a search has narrowed the tokens to, and what lies before it in the bin.
struct Range {
  bin: u32,
  level: u32, // digits of (order, token) that are fixed: two of the order, then three of the token
  order: u32,
  token: u32,
  countBefore: u32,
  weightBefore: u32,
}

/// Digits are of 8 bits.
fn digitOf(level: u32, order: u32, token: u32) -> u32 {
  if (level < 2u) {
    return (order >> (8u * (1u - level))) & 255u;
  }
  return (token >> (8u * (4u - level))) & 255u;
}

fn isIn(range: Range, candidate: Candidate, token: u32) -> bool {
  return candidate.bin == range.bin
    && (candidate.order >> (8u * (2u - min(range.level, 2u)))) == range.order
    && (range.level < 3u || (token >> (8u * (5u - range.level))) == range.token);
}

var<workgroup> binChunks: array<u32, chunkCount>;
var<workgroup> binChunkCount: atomic<u32>;

/// The chunks with tokens in a bin.
fn listChunks(bin: u32, thread: u32) -> u32 {
  if (thread == 0u) {
    atomicStore(&binChunkCount, 0u);
  }
  workgroupBarrier();
  for (var chunk = thread; chunk < chunkCount; chunk += threads) {
    let offset = binOffset(chunk);
    if (offset <= bin && chunks[headAt(row, chunk) + headWords + bin - min(offset, bin)] > 0u) {
      binChunks[atomicAdd(&binChunkCount, 1u)] = chunk;
    }
  }
  workgroupBarrier();
  return atomicLoad(&binChunkCount);
}

fn listedToken(i: u32) -> u32 {
  return binChunks[i / chunkTokens] * chunkTokens + i % chunkTokens;
}

var<workgroup> digitCounts: array<atomic<u32>, 256>;
var<workgroup> digitWeights: array<atomic<u32>, 256>;
var<workgroup> listOrders: array<u32, listSize>;
var<workgroup> listTokens: array<u32, listSize>;
var<workgroup> listWeights: array<u32, listSize>;
var<workgroup> listCount: atomic<u32>;
var<workgroup> sharedRange: Range;
var<workgroup> sharedCount: u32;
var<workgroup> sharedPoint: u32;

struct Found {
  token: u32,
  count: u32, // tokens up to this one, itself included
  length: vec2<u32>, // and how long they are
}
var<workgroup> sharedFound: Found;

/// The token at a point of the line, or the one with `point.x` tokens before it.
fn find(point: vec2<u32>, byCount: bool, thread: u32) -> Found {
  for (var bin = thread; bin < bins; bin += threads) {
    let before = lengthsBefore[bin];
    let below = bin / octaveBins;
    var isHere: bool;
    if (byCount) {
      isHere = point.x >= countsBefore[bin] && point.x < countsBefore[bin] + binCounts[bin];
    } else {
      isHere = !less64(point, before) && less64(point, add64(before, lengthOf(binWeights[bin], below)));
    }
    if (isHere) {
      sharedRange = Range(bin, 0u, 0u, 0u, 0u, 0u);
      sharedCount = binCounts[bin];
      sharedPoint = select(weightIn(subtract64(point, before), below), point.x - countsBefore[bin], byCount);
    }
  }
  if (thread == 0u) {
    atomicStore(&listCount, 0u);
  }
  workgroupBarrier();
  var range = workgroupUniformLoad(&sharedRange);
  var count = workgroupUniformLoad(&sharedCount);
  let binPoint = workgroupUniformLoad(&sharedPoint);
  let candidates = listChunks(range.bin, thread) * chunkTokens;

  while (count > listSize) {
    for (var i = thread; i < 256u; i += threads) {
      atomicStore(&digitCounts[i], 0u);
      atomicStore(&digitWeights[i], 0u);
    }
    workgroupBarrier();
    for (var i = thread; i < candidates; i += threads) {
      let token = listedToken(i);
      if (token < vocab) {
        let candidate = candidateAt(token);
        if (isIn(range, candidate, token)) {
          let digit = digitOf(range.level, candidate.order, token);
          atomicAdd(&digitCounts[digit], 1u);
          atomicAdd(&digitWeights[digit], candidate.weight);
        }
      }
    }
    workgroupBarrier();
    if (thread == 0u) {
      var next = range;
      var digit = 0u;
      for (; digit < 255u; digit++) {
        let digitCount = atomicLoad(&digitCounts[digit]);
        let digitWeight = atomicLoad(&digitWeights[digit]);
        let before = select(next.weightBefore, next.countBefore, byCount);
        if (binPoint - before < select(digitWeight, digitCount, byCount)) {
          break;
        }
        next.countBefore += digitCount;
        next.weightBefore += digitWeight;
      }
      if (range.level < 2u) {
        next.order = (range.order << 8u) | digit;
      } else {
        next.token = (range.token << 8u) | digit;
      }
      next.level++;
      sharedRange = next;
      sharedCount = atomicLoad(&digitCounts[digit]);
    }
    range = workgroupUniformLoad(&sharedRange);
    count = workgroupUniformLoad(&sharedCount);
  }

  for (var i = thread; i < candidates; i += threads) {
    let token = listedToken(i);
    if (token < vocab) {
      let candidate = candidateAt(token);
      if (isIn(range, candidate, token)) {
        let at = atomicAdd(&listCount, 1u);
        listOrders[at] = candidate.order;
        listTokens[at] = token;
        listWeights[at] = candidate.weight;
      }
    }
  }
  workgroupBarrier();
  for (var i = thread; i < count; i += threads) {
    let order = listOrders[i];
    let token = listTokens[i];
    let weight = listWeights[i];
    var countBefore = range.countBefore;
    var weightBefore = range.weightBefore;
    for (var j = 0u; j < count; j++) {
      if (listOrders[j] < order || (listOrders[j] == order && listTokens[j] < token)) {
        countBefore++;
        weightBefore += listWeights[j];
      }
    }
    if (binPoint - select(weightBefore, countBefore, byCount) < select(weight, 1u, byCount)) {
      let length = lengthOf(weightBefore + weight, range.bin / octaveBins);
      sharedFound = Found(
        token,
        countsBefore[range.bin] + countBefore + 1u,
        add64(lengthsBefore[range.bin], length),
      );
    }
  }
  return workgroupUniformLoad(&sharedFound);
}

/// The first part of the line whose tokens are at most this far below the best token.
fn within(best: Place, distance: u32, thread: u32) -> Found {
  let fractions = 1u << fractionBits;
  let part = distance % fractions;
  let borrows = part > best.fraction;
  let below = distance / fractions + select(0u, 1u, borrows);
  let fraction = best.fraction + select(0u, fractions, borrows) - part;
  let last = bins - 1u;
  if (below >= octaves) {
    return Found(0u, countsBefore[last] + binCounts[last], totalLength);
  }
  let bin = below * octaveBins + partOf(fraction);
  let ones = (1u << orderBits) - 1u;
  let most = ones - (fraction & ones);
  atomicStore(&digitCounts[0], 0u);
  atomicStore(&digitWeights[0], 0u);
  let candidates = listChunks(bin, thread) * chunkTokens;
  for (var i = thread; i < candidates; i += threads) {
    let token = listedToken(i);
    if (token < vocab) {
      let candidate = candidateAt(token);
      if (candidate.bin == bin && candidate.order <= most) {
        atomicAdd(&digitCounts[0], 1u);
        atomicAdd(&digitWeights[0], candidate.weight);
      }
    }
  }
  workgroupBarrier();
  let length = lengthOf(atomicLoad(&digitWeights[0]), below);
  let found = Found(0u, countsBefore[bin] + atomicLoad(&digitCounts[0]), add64(lengthsBefore[bin], length));
  workgroupBarrier();
  return found;
}
