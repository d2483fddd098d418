/** Both ways to take bytes out of a word: every byte in every place. */

import { expect, it } from "vitest";
import { openTestGpu } from "../testing/harness.ts";
import { byteValuesSource } from "./byteValues.ts";

const count = 256;

/** Each thread makes a word of bytes that differ by place. */
const kernel = `
@group(0) @binding(0) var<storage, read_write> out: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.x;
  let word = i | (((i + 77u) & 255u) << 8u) | (((i + 130u) & 255u) << 16u) | (((i + 201u) & 255u) << 24u);
  out[2u * i] = signedBytes(word);
  out[2u * i + 1u] = smallBytes(word & 0x7f7f7f7fu);
}
`;

it.each([false, true])("slow shifts: %s", async (slowShifts) => {
  const t = await openTestGpu();
  const out = t.output([count, 8]);
  await t.run(
    (rec) =>
      rec.dispatch({
        label: "byteValues test",
        source: byteValuesSource(slowShifts) + kernel,
        constants: {},
        bindings: [out],
        workgroups: () => [count / 64, 1, 1],
      }),
    { tokens: 1, outputs: 0 },
  );
  const expected = Array.from({ length: count }, (_, i) => {
    const bytes = [0, 77, 130, 201].map((step) => (i + step) & 255);
    return [...bytes.map((byte) => (byte << 24) >> 24), ...bytes.map((byte) => byte & 127)];
  });
  expect([...(await t.read(out))]).toEqual(expected.flat());
});
