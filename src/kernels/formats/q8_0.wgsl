// Q8_0: blocks of 32 signed bytes and an f16 scale, w = scale * q. A group is half a block, one 16-byte word.
// Plane 0: quants (rows, columns / 16), 16 signed bytes each.
// Plane 1: scales (rows, columns / 32), f16, two to a word.
@group(0) @binding(firstPlane) var<storage, read> quantWords: array<vec4<u32>>;
@group(0) @binding(firstPlane + 1) var<storage, read> scales: array<u32>;

const groupQuads = 4u;

struct Group {
  words: vec4<u32>,
  scale: f32,
}

fn loadGroup(row: u32, group: u32) -> Group {
  let block = row * (columns / 32u) + group / 2u;
  let scale = unpack2x16float(scales[block / 2u] >> (16u * (block % 2u))).x;
  return Group(quantWords[row * (columns / 16u) + group], scale);
}

fn groupScale(group: Group, part: u32) -> f32 {
  return group.scale;
}

fn quants(group: Group, quad: u32) -> vec4f {
  return vec4f(unpack4xI8(group.words[quad]));
}
