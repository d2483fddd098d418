// Q8_0: blocks of 32 signed bytes and an f16 scale, w = scale * q. A group is a block, two 16-byte words.
// Plane 0: quants (rows, columns / 16), 16 signed bytes each.
// Plane 1: scales (rows, columns / 32), f16, two to a word.
@group(0) @binding(firstPlane) var<storage, read> quantWords: array<vec4<u32>>;
@group(0) @binding(firstPlane + 1) var<storage, read> scales: array<u32>;

const groupQuads = 8u;

struct Group {
  low: vec4<u32>,
  high: vec4<u32>,
  scale: f32,
}

fn loadGroup(row: u32, group: u32) -> Group {
  let block = row * (columns / 32u) + group;
  let scale = unpack2x16float(scales[block / 2u] >> (16u * (block % 2u))).x;
  return Group(quantWords[2u * block], quantWords[2u * block + 1u], scale);
}

fn groupScale(group: Group, part: u32) -> f32 {
  return group.scale;
}

const quantBias = 0.0;
fn packedQuad(group: Group, quad: u32) -> u32 {
  if (quad < 4u) {
    return group.low[quad % 4u];
  }
  return group.high[quad % 4u];
}
