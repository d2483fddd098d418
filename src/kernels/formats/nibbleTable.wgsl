// Nibbles that stand for other numbers, as packed bytes: two at once from a table in workgroup memory.
// Before this: nibblesOf and nibbleValues of the format.

const quantBias = 0.0;

var<workgroup> bytePairs: array<u32, 256>;

fn initFormat(thread: u32, threads: u32) {
  for (var i = thread; i < 256u; i += threads) {
    bytePairs[i] = pack4xI8(vec4i(nibbleValues((i & 15u) | ((i >> 4u) << 8u)))) & 0xffffu;
  }
  workgroupBarrier();
}

fn packedQuad(group: Group, quad: u32) -> u32 {
  let nibbles = nibblesOf(group, quad);
  let pairs = nibbles | (nibbles >> 4u);
  return bytePairs[pairs & 0xffu] | (bytePairs[(pairs >> 16u) & 0xffu] << 16u);
}
