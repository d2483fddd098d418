// Q4_K: blocks of 256 nibbles; w = d * scale * q - dmin * minimum with a scale and a minimum per 32 weights, a group.
// Plane 0: quants (rows, columns / 32), 16 bytes each as in Q4_0.
// Plane 1: scales (rows, columns / 32), a byte of scale and a byte of minimum.
// Plane 2: supers (rows, columns / 256), f16 d and f16 dmin. Bound with the scales.
@group(0) @binding(firstPlane) var<storage, read> quantWords: array<vec4<u32>>;
@group(0) @binding(firstPlane + 1) var<storage, read> scales: array<u32>;
override supersStart: u32; // where plane supers starts in scales, in words

const groupQuads = 8u;

struct Group {
  words: vec4<u32>,
  scale: f32,
  offset: f32,
}

fn loadGroup(row: u32, group: u32) -> Group {
  let at = row * (columns / 32u) + group;
  let pair = smallBytes(scales[at / 2u] >> (16u * (at % 2u)));
  let outer = unpack2x16float(scales[supersStart + at / 8u]);
  return Group(quantWords[at], outer.x * pair.x, -outer.y * pair.y);
}

fn groupScale(group: Group, part: u32) -> f32 {
  return group.scale;
}

fn groupOffset(group: Group, part: u32) -> f32 {
  return group.offset;
}

const quantBias = 0.0;
fn packedQuad(group: Group, quad: u32) -> u32 {
  return (group.words[quad % 4u] >> (quad / 4u * 4u)) & 0x0f0f0f0fu;
}
