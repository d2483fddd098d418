// out[r] = index of the largest of logits[r, :]; the lowest such index; never that of a NaN (all NaN gives 0)
//
// One workgroup per row; its threads stride over the row, then a tree in workgroup memory finds the winner.
// Floats are compared as integers of the same order, so a compiler that assumes away NaN changes nothing.
//
// The TypeScript side declares `Bits` (vec4<u32>, or u32 where the vocabulary is not a multiple of 4) and
// `better(best, bits, i)`: the better of the best so far and the value or values at index i.

@group(0) @binding(0) var<storage, read> logits: array<Bits>; // (R, vocab), the bits of f32
@group(0) @binding(1) var<storage, read_write> out: array<u32>; // (R)

override rowValues: u32;
/// A power of two.
override threads: u32 = 256u;

struct Best {
  key: u32,
  index: u32,
}

/// 0 for NaN, else a number that orders as the float does; both zeros are alike.
fn orderedKey(bits: u32) -> u32 {
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) {
    return 0u;
  }
  return select(0x80000000u + size, 0x80000000u - size, bits > size);
}

fn takeGreater(best: Best, bits: u32, index: u32) -> Best {
  let key = orderedKey(bits);
  if (key > best.key) {
    return Best(key, index);
  }
  return best;
}

var<workgroup> bests: array<Best, threads>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let row = group.x;
  let start = row * rowValues;
  var best = Best(0u, 0u);
  for (var i = thread; i < rowValues; i += threads) {
    best = better(best, logits[start + i], i);
  }
  bests[thread] = best;
  workgroupBarrier();
  for (var half = threads / 2u; half > 0u; half /= 2u) {
    if (thread < half) {
      let other = bests[thread + half];
      let own = bests[thread];
      if (other.key > own.key || (other.key == own.key && other.index < own.index)) {
        bests[thread] = other;
      }
    }
    workgroupBarrier();
  }
  if (thread == 0u) {
    out[row] = bests[0].index;
  }
}
