// How tiles read packed rows of x, as floats.

const xQuads = 4u; // quads that a thread reads at once

fn loadX(start: u32, quad: u32) -> array<vec4f, xQuads> {
  let blocks = columns / 32u;
  let block = quad / 8u;
  let half = quad / 4u % 2u;
  let high = x[start + half * blocks + block];
  let low = x[start + (half + 2u) * blocks + block];
  let scale = bitcast<f32>(x[start + 4u * blocks + block].x);
  var values = array<vec4f, xQuads>();
  for (var i = 0u; i < xQuads; i++) {
    values[i] = scale * vec4f((unpack4xI8(high[i]) << vec4u(8u)) + unpack4xI8(low[i]));
  }
  return values;
}

/// The sum of squares of 32 columns.
fn blockSquares(start: u32, block: u32) -> f32 {
  return bitcast<f32>(x[start + columns / 8u + block].w);
}
