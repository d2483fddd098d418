// IQ4_XS: blocks of 256 nibbles; w = d * scale * table[q] with a signed scale per 32 weights, a group.
// Plane 0: quants (rows, columns / 32), 16 bytes each as in Q4_0.
// Plane 1: scales (rows, columns / 32), signed bytes.
// Plane 2: supers (rows, columns / 256), f16 d, two to a word. Bound with the scales.
// Before this: iq4.wgsl.
@group(0) @binding(firstPlane) var<storage, read> quantWords: array<vec4<u32>>;
@group(0) @binding(firstPlane + 1) var<storage, read> scales: array<u32>;
override supersStart: u32; // where plane supers starts in scales, in words

const groupQuads = 8u;

struct Group {
  words: vec4<u32>,
  scale: f32,
}

fn loadGroup(row: u32, group: u32) -> Group {
  let at = row * (columns / 32u) + group;
  let scale = signedBytes(scales[at / 4u] >> (at % 4u * 8u)).x;
  let outer = unpack2x16float(scales[supersStart + at / 16u] >> (at / 8u % 2u * 16u)).x;
  return Group(quantWords[at], outer * scale);
}

fn groupScale(group: Group, part: u32) -> f32 {
  return group.scale;
}

fn nibblesOf(group: Group, quad: u32) -> u32 {
  return (group.words[quad % 4u] >> (quad / 4u * 4u)) & 0x0f0f0f0fu;
}
