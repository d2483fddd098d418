/// What four nibbles stand for in IQ4_NL and IQ4_XS: -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69,
/// 89, 113. A polynomial comes within 0.44 of them all; looking a table up would cost more than these five steps.
fn iq4Values(nibbles: u32) -> vec4f {
  let q = vec4f(unpack4xU8(nibbles)) - 8.0;
  return round((((0.00158604 * q + 0.0818398) * q - 0.0168121) * q + 11.43981) * q + 1.43299);
}
