// Q3_K: blocks of 256 weights of 3 bits; w = d * scale * (q - 4) with a signed scale per 16 weights.
// A group is 64 weights, one 16-byte word of their lower bits.
// Plane 0: quants (rows, columns / 16), words of 16 bit pairs: bits 8b + 2j and the next belong to weight 4j + b.
// Plane 1: highs (rows, columns / 32), 32 third bits: bit 8b + j belongs to weight 4j + b.
// Plane 2: scales (rows, columns / 16), signed bytes.
// Plane 3: supers (rows, columns / 256), f16 d, two to a word. Bound with the scales.
@group(0) @binding(firstPlane) var<storage, read> quantWords: array<vec4<u32>>;
@group(0) @binding(firstPlane + 1) var<storage, read> highs: array<vec2<u32>>;
@group(0) @binding(firstPlane + 2) var<storage, read> scales: array<u32>;
override supersStart: u32; // where plane supers starts in scales, in words

const groupQuads = 16u;

struct Group {
  words: vec4<u32>,
  high: vec2<u32>,
  scales: vec4f,
}

fn loadGroup(row: u32, group: u32) -> Group {
  let at = row * (columns / 64u) + group;
  let outer = unpack2x16float(scales[supersStart + at / 8u] >> (at / 4u % 2u * 16u)).x;
  return Group(quantWords[at], highs[at], outer * signedBytes(scales[at]));
}

fn groupScale(group: Group, part: u32) -> f32 {
  return group.scales[part];
}

const quantBias = 4.0;
fn packedQuad(group: Group, quad: u32) -> u32 {
  let pairs = (group.words[quad / 4u] >> (quad % 4u * 2u)) & 0x03030303u;
  let thirds = ((group.high[quad / 8u] >> (quad % 8u)) & 0x01010101u) << 2u;
  return pairs | thirds;
}
