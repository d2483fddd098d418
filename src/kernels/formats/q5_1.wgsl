// Q5_1: blocks of 32 weights of 5 bits with a scale and a minimum, w = scale * q + minimum. A group is a block.
// Plane 0: quants (rows, columns / 32), 16 bytes of low nibbles as in Q4_0.
// Plane 1: highs (rows, columns / 32), 32 fifth bits: bit 8b + j belongs to weight 4j + b.
// Plane 2: scales (rows, columns / 32), f16 scale and f16 minimum.
@group(0) @binding(firstPlane) var<storage, read> quantWords: array<vec4<u32>>;
@group(0) @binding(firstPlane + 1) var<storage, read> highs: array<u32>;
@group(0) @binding(firstPlane + 2) var<storage, read> scales: array<u32>;

const groupQuads = 8u;

struct Group {
  words: vec4<u32>,
  high: u32,
  scales: vec2f,
}

fn loadGroup(row: u32, group: u32) -> Group {
  let block = row * (columns / 32u) + group;
  return Group(quantWords[block], highs[block], unpack2x16float(scales[block]));
}

fn groupScale(group: Group, part: u32) -> f32 {
  return group.scales.x;
}

fn groupOffset(group: Group, part: u32) -> f32 {
  return group.scales.y;
}

const quantBias = 0.0;
fn packedQuad(group: Group, quad: u32) -> u32 {
  let nibbles = (group.words[quad % 4u] >> (quad / 4u * 4u)) & 0x0f0f0f0fu;
  let fifths = ((group.high >> quad) & 0x01010101u) << 4u;
  return nibbles | fifths;
}
