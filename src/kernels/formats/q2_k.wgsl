// Q2_K: blocks of 256 weights of 2 bits; w = d * scale * q - dmin * minimum with a scale and a minimum per 16 weights.
// A group is 64 weights, one 16-byte word.
// Plane 0: quants (rows, columns / 16), words of 16 bit pairs: bits 8b + 2j and the next belong to weight 4j + b.
// Plane 1: scales (rows, columns / 16), bytes: the scale in the low nibble, the minimum in the high one.
// Plane 2: supers (rows, columns / 256), f16 d and f16 dmin. Bound with the scales.
@group(0) @binding(firstPlane) var<storage, read> quantWords: array<vec4<u32>>;
@group(0) @binding(firstPlane + 1) var<storage, read> scales: array<u32>;
override supersStart: u32; // where plane supers starts in scales, in words

const groupQuads = 16u;

struct Group {
  words: vec4<u32>,
  scales: vec4f,
  offsets: vec4f,
}

fn loadGroup(row: u32, group: u32) -> Group {
  let at = row * (columns / 64u) + group;
  let pairs = scales[at];
  let outer = unpack2x16float(scales[supersStart + at / 4u]);
  return Group(
    quantWords[at],
    outer.x * smallBytes(pairs & 0x0f0f0f0fu),
    -outer.y * smallBytes((pairs >> 4u) & 0x0f0f0f0fu),
  );
}

fn groupScale(group: Group, part: u32) -> f32 {
  return group.scales[part];
}

fn groupOffset(group: Group, part: u32) -> f32 {
  return group.offsets[part];
}

const quantBias = 0.0;
fn packedQuad(group: Group, quad: u32) -> u32 {
  return (group.words[quad / 4u] >> (quad % 4u * 2u)) & 0x03030303u;
}
