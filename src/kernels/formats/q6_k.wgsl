// Q6_K: blocks of 256 weights of 6 bits; w = d * scale * (q - 32) with a signed scale per 16. A group is 32 weights.
// Plane 0: quants (rows, columns / 32), 16 bytes of low nibbles as in Q4_0.
// Plane 1: highs (rows, columns / 16), 16 upper bit pairs: bits 8b + 2j and the next belong to weight 4j + b.
// Plane 2: scales (rows, columns / 16), signed bytes.
// Plane 3: supers (rows, columns / 256), f16 d, two to a word. Bound with the scales.
@group(0) @binding(firstPlane) var<storage, read> quantWords: array<vec4<u32>>;
@group(0) @binding(firstPlane + 1) var<storage, read> highs: array<vec2<u32>>;
@group(0) @binding(firstPlane + 2) var<storage, read> scales: array<u32>;
override supersStart: u32; // where plane supers starts in scales, in words

const groupQuads = 8u;

struct Group {
  words: vec4<u32>,
  high: vec2<u32>,
  scales: vec2f,
}

fn loadGroup(row: u32, group: u32) -> Group {
  let at = row * (columns / 32u) + group;
  let pair = signedBytes(scales[at / 2u] >> (16u * (at % 2u))).xy;
  let outer = unpack2x16float(scales[supersStart + at / 16u] >> (at / 8u % 2u * 16u)).x;
  return Group(quantWords[at], highs[at], outer * pair);
}

fn groupScale(group: Group, part: u32) -> f32 {
  return group.scales[part];
}

const quantBias = 32.0;
fn packedQuad(group: Group, quad: u32) -> u32 {
  let nibbles = (group.words[quad % 4u] >> (quad / 4u * 4u)) & 0x0f0f0f0fu;
  let pairs = ((group.high[quad / 4u] >> (quad % 4u * 2u)) & 0x03030303u) << 4u;
  return nibbles | pairs;
}
