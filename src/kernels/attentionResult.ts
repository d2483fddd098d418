/** Where attention's results go: activations, f32, or the scratch of a split. */

import type { BufferSlice } from "../runtime/gpu/tensor.ts";
import { activationWriteSource } from "./activations.ts";
import type { AttentionArgs } from "./attentionArgs.ts";

/** What is bound where results are not split. */
export function resultSlice({ out }: AttentionArgs): BufferSlice {
  return "kind" in out ? out.tensor : out;
}

/**
 * Declares `storeResult` at a binding: word `word` of a head's result, four values. Eight threads side by side have eight
 * words side by side, and all threads call it; between two calls there is a barrier. `subgroups` as in
 * `activationWriteSource`.
 */
export function resultSource(
  args: AttentionArgs,
  split: boolean,
  threads: number,
  binding: number,
  subgroups: boolean,
): string {
  const { cache, heads, out } = args;
  const signature =
    "fn storeResult(thread: u32, present: bool, token: u32, head: u32, split: u32, word: u32, value: vec4f)";
  if (split)
    return `@group(0) @binding(${binding}) var<storage, read_write> out: array<f32>; // (T, heads, splits, E), then sums
${signature} {
  if (present) {
    let at = ((token * heads + head) * splits + split) * headWidth + word * 4u;
    out[at] = value.x;
    out[at + 1u] = value.y;
    out[at + 2u] = value.z;
    out[at + 3u] = value.w;
  }
}
fn storeSum(row: u32, sum: f32) {
  out[sumsStart + row] = sum;
}
`;
  const unsplit = "fn storeSum(row: u32, sum: f32) {}\n";
  if ("kind" in out)
    return `${activationWriteSource(out.kind, heads * cache.headWidth, binding, threads, subgroups)}
${signature} {
  storeActivations(thread, present, token, head * (headWidth / 32u) + word / 8u, value, dot(value, value));
}
${unsplit}`;
  return `@group(0) @binding(${binding}) var<storage, read_write> out: array<vec4f>; // (T, heads, E)
${signature} {
  if (present) {
    out[(token * heads + head) * (headWidth / 4u) + word] = value;
  }
}
${unsplit}`;
}
