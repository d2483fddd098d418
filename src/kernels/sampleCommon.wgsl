// What both kernels of `sample` share: a row's slot and its parameters, logits as integers that order as they do, and
// weights as integers, so that what is drawn does not depend on how an adapter rounds or in which order it adds.
//
// A logit l has the place log2(e) / temperature * l in units of 2^-fractionBits, as a whole part (octave) and a
// fraction. Its weight 2^place is an integer of `weightBits` bits (by the fraction) times a power of two (by the
// octave). So the sum of the weights in an octave, or in one of the `octaveBins` parts of it (a bin), is an exact u32.
//
// The TypeScript side declares the sizes as constants, `Bits` (vec4<u32>, or u32 where the vocabulary is not a
// multiple of 4) and `logitAt(i)`.

@group(0) @binding(0) var<storage, read> logits: array<Bits>; // (R, vocab), the bits of f32
@group(0) @binding(1) var<storage, read> rowSlots: array<u32>; // (R); none where it is no slot
@group(0) @binding(2) var<storage, read> rowDraws: array<u32>; // (R) tokens drawn before, or givenToken + a token
@group(0) @binding(3) var<storage, read> params: array<u32>; // (slots, paramWords)

const keyOfLowest = 0x00800000u; // orderedKey(-infinity)
const infinity = 0x7f800000u;
const huge = 0x7149f2cau; // 1e30

fn param(slot: u32, word: u32) -> u32 {
  return params[slot * paramWords + word];
}

fn sizeOf(bits: u32) -> u32 {
  return bits & 0x7fffffffu;
}

/// 0 for NaN, else a number that orders as the float does; both zeros are alike.
fn orderedKey(bits: u32) -> u32 {
  let size = sizeOf(bits);
  if (size > infinity) {
    return 0u;
  }
  return select(0x80000000u + size, 0x80000000u - size, bits > size);
}

/// The float's bits again (of a key that is not 0).
fn bitsOfKey(key: u32) -> u32 {
  return select(0x80000000u | (0x80000000u - key), key - 0x80000000u, key >= 0x80000000u);
}

struct Best {
  key: u32,
  index: u32,
}

fn takeGreater(best: Best, key: u32, index: u32) -> Best {
  if (key > best.key) {
    return Best(key, index);
  }
  return best;
}

override threads: u32 = 256u;
/// Threads of a workgroup are as many groups of so many: two short steps instead of a tree, as each barrier costs
/// software adapters time to run, and more to compile.
override groupThreads: u32 = 16u;

var<workgroup> bests: array<Best, threads>;
var<workgroup> sums: array<f32, threads>;

fn better2(a: Best, b: Best) -> Best {
  if (b.key > a.key || (b.key == a.key && b.index < a.index)) {
    return b;
  }
  return a;
}

/// The best of all threads', the lowest index among equals; to all threads.
fn reduceBest(own: Best, thread: u32) -> Best {
  bests[thread] = own;
  workgroupBarrier();
  if (thread % groupThreads == 0u) {
    var best = own;
    for (var i = 1u; i < groupThreads; i++) {
      best = better2(best, bests[thread + i]);
    }
    bests[thread] = best;
  }
  workgroupBarrier();
  if (thread == 0u) {
    var best = bests[0];
    for (var i = groupThreads; i < threads; i += groupThreads) {
      best = better2(best, bests[i]);
    }
    bests[0] = best;
  }
  return workgroupUniformLoad(&bests[0]);
}

/// The sum over all threads, to all threads.
fn reduceSum(own: f32, thread: u32) -> f32 {
  sums[thread] = own;
  workgroupBarrier();
  if (thread % groupThreads == 0u) {
    var sum = own;
    for (var i = 1u; i < groupThreads; i++) {
      sum += sums[thread + i];
    }
    sums[thread] = sum;
  }
  workgroupBarrier();
  if (thread == 0u) {
    var sum = sums[0];
    for (var i = groupThreads; i < threads; i += groupThreads) {
      sum += sums[i];
    }
    sums[0] = sum;
  }
  return workgroupUniformLoad(&sums[0]);
}

struct Place {
  octave: u32, // biased by 2^31
  fraction: u32, // fractionBits
}

/// Of a logit that is not NaN. From 1e30 on all are as infinity; places from 2^30 on are apart by a float's step.
fn placeOf(bits: u32, scale: u32) -> Place {
  var scaled = bits;
  if (sizeOf(bits) < huge) {
    scaled = bitcast<u32>(bitcast<f32>(bits) * bitcast<f32>(scale));
  } else {
    scaled = (bits & 0x80000000u) | infinity;
  }
  let size = sizeOf(scaled);
  let exponent = size >> 23u;
  let mantissa = (size & 0x7fffffu) | 0x800000u; // times 2^(exponent - 150)
  let ones = (1u << fractionBits) - 1u;
  var whole: u32;
  var fraction = 0u;
  if (exponent >= 157u) {
    whole = 0x40000000u + (size - (157u << 23u));
  } else if (exponent >= 150u) {
    whole = mantissa << (exponent - 150u);
  } else {
    let shift = 150u - exponent;
    whole = mantissa >> min(shift, 24u);
    if (shift > fractionBits) {
      fraction = (mantissa >> min(shift - fractionBits, 24u)) & ones;
    } else {
      fraction = (mantissa << (fractionBits - shift)) & ones;
    }
  }
  if (scaled == size) {
    return Place(0x80000000u + whole, fraction);
  }
  if (fraction == 0u) {
    return Place(0x80000000u - whole, 0u);
  }
  return Place(0x7fffffffu - whole, ones + 1u - fraction);
}

/// 2^(fraction / 2^fractionBits) in units of 2^(1 - weightBits): a polynomial in 16-bit integers.
fn weightOf(fraction: u32) -> u32 {
  let t = fraction >> (fractionBits - 16u);
  var sum = exp2Coefficients.w;
  sum = exp2Coefficients.z + ((sum * t + 0x8000u) >> 16u);
  sum = exp2Coefficients.y + ((sum * t + 0x8000u) >> 16u);
  sum = exp2Coefficients.x + ((sum * t + 0x8000u) >> 16u);
  let power = 0x10000u + ((sum * t + 0x8000u) >> 16u);
  let half = 1u << (16u - weightBits);
  return min((power + half) >> (17u - weightBits), (1u << weightBits) - 1u);
}

/// Which part of its octave; the largest weights first.
fn partOf(fraction: u32) -> u32 {
  return octaveBins - 1u - fraction / ((1u << fractionBits) / octaveBins);
}

fn headAt(row: u32, chunk: u32) -> u32 {
  return (row * chunkCount + chunk) * chunkWords;
}
