// What RoPE turns a pair of elements by: used by every kernel that does.
//
// Angles are counted in turns as fixed-point numbers, where integer overflow drops the whole turns exactly, so no
// precision is lost at large positions; sine and cosine are polynomials, because WGSL promises only 11 bits of its own.
//
// The TypeScript side declares `frequencies` (the turns of a position as 32 + 16 bits after the point, per pair),
// and `perFactor(whole, part, pair)`: `part`, or ropeFactors.wgsl where the model has frequency factors.

/// (cos φ, sin φ) of a pair at a position below 2^20.
fn rotation(position: u32, pair: u32) -> vec2<f32> {
  let frequency = frequencies[pair];
  // position · (x + y / 2^16) in 2^32 units to the turn, by 16-bit halves: `part` overflows into `whole`.
  let low16 = position & 0xffffu;
  let high16 = position >> 16u;
  let carried = ((low16 * frequency.y) >> 16u) + high16 * frequency.y;
  let part = position * frequency.x + carried;
  let middle = high16 * (frequency.x & 0xffffu) + low16 * (frequency.x >> 16u);
  let whole = high16 * (frequency.x >> 16u) +
    ((middle + ((low16 * (frequency.x & 0xffffu)) >> 16u)) >> 16u) + select(0u, 1u, part < carried);
  let turns = perFactor(whole, part, pair);
  // The nearest quarter turn, and what remains: at most an eighth of a turn either way.
  let quarter = (turns + 0x20000000u) >> 30u;
  let angle = f32(bitcast<i32>(turns - (quarter << 30u))) * 1.4629180792671596e-9; // 2π / 2^32
  let a2 = angle * angle;
  let sine = angle * (1.0 + a2 * (-1.0 / 6.0 + a2 * (1.0 / 120.0 + a2 * (-1.0 / 5040.0 + a2 / 362880.0))));
  let cosine = 1.0 + a2 * (-0.5 + a2 * (1.0 / 24.0 + a2 * (-1.0 / 720.0 + a2 / 40320.0)));
  let swapped = select(vec2(cosine, sine), vec2(-sine, cosine), (quarter & 1u) == 1u);
  return select(swapped, -swapped, (quarter & 2u) == 2u);
}
