/**
 * Bytes of a word as floats, as WGSL:
 *
 *   fn signedBytes(word: u32) -> vec4f
 *   fn smallBytes(word: u32) -> vec4f      bytes below 128
 */

const shifted = `fn signedBytes(word: u32) -> vec4f {
  return vec4f(unpack4xI8(word));
}
fn smallBytes(word: u32) -> vec4f {
  return vec4f(unpack4xU8(word));
}
`;

/** Each byte becomes the uppermost one of a signed number. Exact, as only its 8 bits are set. */
const multiplied = `fn signedBytes(word: u32) -> vec4f {
  let uppermost = (vec4<u32>(word) * vec4<u32>(1u << 24u, 1u << 16u, 1u << 8u, 1u)) & vec4<u32>(0xff000000u);
  return vec4f(bitcast<vec4i>(uppermost)) * 0x1p-24;
}
fn smallBytes(word: u32) -> vec4f {
  return signedBytes(word);
}
`;

/** @param slowShifts see {@link Gpu.slowShifts} */
export function byteValuesSource(slowShifts: boolean): string {
  return slowShifts ? multiplied : shifted;
}
