// Nibbles that stand for other numbers, as packed bytes: computed, where loads are dear (software adapters).
// Before this: nibblesOf and nibbleValues of the format.

const quantBias = 0.0;

fn initFormat(thread: u32, threads: u32) {}

fn packedQuad(group: Group, quad: u32) -> u32 {
  return pack4xI8(vec4i(nibbleValues(nibblesOf(group, quad))));
}
