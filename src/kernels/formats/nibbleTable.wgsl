// Nibbles that stand for other numbers, as packed bytes: two at once from a table in workgroup memory.
// Before this: nibbleValues of the format, and `words` of a Group in the order of Q4_0.

const quantBias = 0.0;

/// By a byte of two nibbles: what the lower one stands for in bits 0 to 7, and the upper one in bits 16 to 23.
var<workgroup> bytePairs: array<u32, 256>;

fn initFormat(thread: u32, threads: u32) {
  for (var i = thread; i < 256u; i += threads) {
    let values = vec2<u32>(vec2i(nibbleValues((i & 15u) | ((i >> 4u) << 8u)).xy));
    bytePairs[i] = (values.x & 0xffu) | ((values.y & 0xffu) << 16u);
  }
  workgroupBarrier();
}

/// The quad in the lower nibbles of a word and the one in its upper nibbles share what is read from the table.
fn packedQuad(group: Group, quad: u32) -> u32 {
  let word = group.words[quad % 4u];
  let first = bytePairs[word & 0xffu] | (bytePairs[(word >> 8u) & 0xffu] << 8u);
  let second = bytePairs[(word >> 16u) & 0xffu] | (bytePairs[word >> 24u] << 8u);
  if (quad < 4u) {
    return (first & 0xffffu) | (second << 16u);
  }
  return (first >> 16u) | (second & 0xffff0000u);
}
