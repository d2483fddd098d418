/// What four nibbles stand for in IQ4_NL and IQ4_XS: -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69,
/// 89, 113. A polynomial comes within 0.44 of them all; looking a table up would cost more than these steps.
fn nibbleValues(nibbles: u32) -> vec4f {
  let q = smallBytes(nibbles);
  return round((((0.00158604 * q + 0.0310864) * q - 1.37193) * q + 24.1738) * q - 126.567);
}
