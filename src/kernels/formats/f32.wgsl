// F32 weights. A group is 4 weights.
// Plane 0: values (rows, columns / 4), vec4f each.
@group(0) @binding(firstPlane) var<storage, read> values: array<vec4f>;

const groupQuads = 1u;

struct Group {
  values: vec4f,
}

fn loadGroup(row: u32, group: u32) -> Group {
  return Group(values[row * (columns / 4u) + group]);
}

fn groupScale(group: Group, part: u32) -> f32 {
  return 1.0;
}

fn quants(group: Group, quad: u32) -> vec4f {
  return group.values;
}
