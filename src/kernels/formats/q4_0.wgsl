// Q4_0: blocks of 32 nibbles and an f16 scale, w = scale * (q - 8). A group is a block, one 16-byte word;
// byte i holds weight i in its low nibble and weight i + 16 in its high one.
// Plane 0: quants (rows, columns / 32), 16 bytes each.
// Plane 1: scales (rows, columns / 32), f16, two to a word.
@group(0) @binding(firstPlane) var<storage, read> quantWords: array<vec4<u32>>;
@group(0) @binding(firstPlane + 1) var<storage, read> scales: array<u32>;

const groupQuads = 8u;

struct Group {
  words: vec4<u32>,
  scale: f32,
}

fn loadGroup(row: u32, group: u32) -> Group {
  let block = row * (columns / 32u) + group;
  let scale = unpack2x16float(scales[block / 2u] >> (16u * (block % 2u))).x;
  return Group(quantWords[block], scale);
}

fn groupScale(group: Group, part: u32) -> f32 {
  return group.scale;
}

const quantBias = 8.0;
fn packedQuad(group: Group, quad: u32) -> u32 {
  return (group.words[quad % 4u] >> (quad / 4u * 4u)) & 0x0f0f0f0fu;
}
