import type { BufferSlice } from "../runtime/gpu/tensor.ts";
import type { QkvArgs } from "./attentionArgs.ts";
import { cacheSource } from "./kvCache.ts";
import { constSource } from "./prelude.ts";
import source from "./qkvRows.wgsl?raw";
import { rotationSource } from "./rope.ts";
import { unroll } from "./unroll.ts";

/** The factor of an element of a row, by the row's sum of squares. */
function headNormSource({ headNorm }: QkvArgs, binding: number): string {
  if (!headNorm)
    return "const hasHeadNorm = false;\nfn headNorm(sum: f32, isKey: bool, elements: vec2<u32>) -> vec2f { return vec2f(1.0); }\n";
  return `const hasHeadNorm = true;
@group(0) @binding(${binding}) var<storage, read> normWeights: array<f32>; // (2 · E): for q, then for k
fn headNorm(sum: f32, isKey: bool, elements: vec2<u32>) -> vec2f {
  let at = elements + select(0u, headWidth, isKey);
  return vec2f(normWeights[at.x], normWeights[at.y]) / sqrt(sum / f32(headWidth) + ${headNorm.eps.toExponential()});
}
`;
}

/**
 * Declares qkvRows.wgsl with the cache: qkv at binding 0, keys, values and faults at 1 to 3, and what
 * {@link qkvRowsBindings} lists from `firstBinding` on. The kernel declares `threads`.
 */
export function qkvRowsSource(
  args: QkvArgs,
  groupHeads: number,
  access: "read" | "read_write",
  firstBinding: number,
): string {
  const { cache, heads, headNorm, rope } = args;
  const blockVectors = cache.type === "q8" ? 8 : 2;
  const pieceVectors = cache.type === "q8" ? 4 : 2;
  return (
    constSource({ heads, groupSize: heads / cache.kvHeads, groupHeads }) +
    unroll(cacheSource(cache, 1, 3), { blockVectors, pieceVectors }) +
    headNormSource(args, firstBinding) +
    rotationSource(rope, firstBinding + (headNorm ? 1 : 0)) +
    unroll(source.replace("QKV_ACCESS", access), { blockVectors })
  );
}

/** The weights that norm and RoPE read. */
export function qkvRowsBindings({ headNorm, rope }: QkvArgs): BufferSlice[] {
  return [headNorm?.weights, rope?.frequencyFactors].filter((tensor) => tensor !== undefined);
}
