// Q4_1: blocks of 32 nibbles with a scale and a minimum, w = scale * q + minimum. A group is a block, one 16-byte
// word; byte i holds weight i in its low nibble and weight i + 16 in its high one.
// Plane 0: quants (rows, columns / 32), 16 bytes each.
// Plane 1: scales (rows, columns / 32), f16 scale and f16 minimum.
@group(0) @binding(firstPlane) var<storage, read> quantWords: array<vec4<u32>>;
@group(0) @binding(firstPlane + 1) var<storage, read> scales: array<u32>;

const groupQuads = 8u;

struct Group {
  words: vec4<u32>,
  scales: vec2f,
}

fn loadGroup(row: u32, group: u32) -> Group {
  let block = row * (columns / 32u) + group;
  return Group(quantWords[block], unpack2x16float(scales[block]));
}

fn groupScale(group: Group, part: u32) -> f32 {
  return group.scales.x;
}

fn groupOffset(group: Group, part: u32) -> f32 {
  return group.scales.y;
}

const quantBias = 0.0;
fn packedQuad(group: Group, quad: u32) -> u32 {
  return (group.words[quad % 4u] >> (quad / 4u * 4u)) & 0x0f0f0f0fu;
}
