// How tiles read float rows of x.

const xQuads = 1u; // quads that a thread reads at once

fn loadX(start: u32, quad: u32) -> array<vec4f, xQuads> {
  return array(x[start + quad]);
}

/// The sum of squares of 32 columns.
fn blockSquares(start: u32, block: u32) -> f32 {
  return x[start + columns / 4u + block / 4u][block % 4u];
}
