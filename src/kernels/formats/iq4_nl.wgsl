// IQ4_NL: blocks of 32 nibbles and an f16 scale, w = scale * table[q]. A group is a block.
// Plane 0: quants (rows, columns / 32), 16 bytes each as in Q4_0.
// Plane 1: scales (rows, columns / 32), f16, two to a word.
// Before this: iq4.wgsl.
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

fn nibblesOf(group: Group, quad: u32) -> u32 {
  return (group.words[quad % 4u] >> (quad / 4u * 4u)) & 0x0f0f0f0fu;
}
