// Turns divided by a frequency factor of the model, exactly: dividing `whole` as a float would lose what matters.

/// (whole + part / 2^32) / factors[pair], as a fraction of a turn in 2^32 units. Factors from 2^-8 to 2^23.
fn perFactor(whole: u32, part: u32, pair: u32) -> u32 {
  let factor = factors[pair];
  // factor = mantissa / 2^shift, so that whole - quotient · factor is exact in integers; overflow cancels out.
  let bits = bitcast<u32>(factor);
  let mantissa = (bits & 0x7fffffu) | 0x800000u;
  let shift = 150u - (bits >> 23u);
  let quotient = u32(f32(whole) / factor);
  let rest = bitcast<i32>((whole << shift) - quotient * mantissa);
  let turns = (ldexp(f32(rest), -i32(shift)) + f32(part) * 2.3283064365386963e-10) / factor;
  return bitcast<u32>(i32((turns - round(turns)) * 4294967296.0));
}
