// MXFP4: blocks of 32 four-bit floats and a power of two. A group is a block.
// Plane 0: quants (rows, columns / 32), 16 bytes placed as in Q4_0, each nibble 8 + or - the magnitude's three bits.
// Plane 1: exponents (rows, columns / 32), bytes: the scale is 2^(exponent - 128), 0 where that is not normal in f32.
@group(0) @binding(firstPlane) var<storage, read> quantWords: array<vec4<u32>>;
@group(0) @binding(firstPlane + 1) var<storage, read> exponents: array<u32>;

const groupQuads = 8u;

struct Group {
  words: vec4<u32>,
  scale: f32,
}

fn loadGroup(row: u32, group: u32) -> Group {
  let block = row * (columns / 32u) + group;
  let exponent = (exponents[block / 4u] >> (block % 4u * 8u)) & 0xffu;
  return Group(quantWords[block], bitcast<f32>((max(exponent, 1u) - 1u) << 23u));
}

fn groupScale(group: Group, part: u32) -> f32 {
  return group.scale;
}

fn nibblesOf(group: Group, quad: u32) -> u32 {
  return (group.words[quad % 4u] >> (quad / 4u * 4u)) & 0x0f0f0f0fu;
}

/// Magnitudes 0 to 7 stand for 0, 1, 2, 3, 4, 6, 8 and 12: steps of 1 up to 4, of 2 up to 6, then of 4.
fn nibbleValues(nibbles: u32) -> vec4f {
  let q = smallBytes(nibbles) - 8.0;
  return 4.0 * q - clamp(q, vec4f(-4.0), vec4f(4.0)) - 2.0 * clamp(q, vec4f(-6.0), vec4f(6.0));
}
