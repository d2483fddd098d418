// How tiles read plain rows of x.

const xQuads = 1u; // quads that a thread reads at once

fn loadX(start: u32, quad: u32) -> array<vec4f, xQuads> {
  return array(plainQuad(start, quad));
}

/// Plain rows are not normalized.
fn blockSquares(start: u32, block: u32) -> f32 {
  return 0.0;
}
