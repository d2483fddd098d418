// BF16 weights: upper halves of f32. A group is 8 weights, one 16-byte word.
// Plane 0: values (rows, columns / 8), 8 bf16 each.
@group(0) @binding(firstPlane) var<storage, read> values: array<vec4<u32>>;

const groupQuads = 2u;

struct Group {
  words: vec4<u32>,
}

fn loadGroup(row: u32, group: u32) -> Group {
  return Group(values[row * (columns / 8u) + group]);
}

fn groupScale(group: Group, part: u32) -> f32 {
  return 1.0;
}

fn quants(group: Group, quad: u32) -> vec4f {
  let words = select(group.words.xy, group.words.zw, quad == 1u);
  let halves = vec4<u32>(words.x << 16u, words.x & 0xffff0000u, words.y << 16u, words.y & 0xffff0000u);
  return bitcast<vec4f>(halves);
}
