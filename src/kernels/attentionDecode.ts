import type { Gpu } from "../runtime/gpu/device.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import { type AttentionArgs, attentionSizes, attentionTuning, rolledSource } from "./attentionArgs.ts";
import kernel from "./attentionDecode.wgsl?raw";
import mergeKernel from "./attentionMerge.wgsl?raw";
import spanSource from "./attentionSpan.wgsl?raw";
import { expectKernel } from "./checks.ts";
import { cacheReadSource } from "./kvCache.ts";
import { constSource, rowsOf } from "./prelude.ts";
import { unroll } from "./unroll.ts";

/** Splits of the positions for a token that may see this many. */
function splitCount(capacity: number): number {
  return Math.min(32, Math.ceil(capacity / 128));
}

/**
 * Shape of the f32 scratch with which `attention` splits long sequences over several workgroups per kv head when it
 * decodes, or undefined where that does not pay. One scratch serves all layers, since their dispatches follow
 * each other.
 * @param sizes `tokens` of the largest decode step, and `capacity`: the positions that a token may see, at most
 */
export function attentionScratchShape(
  gpu: Gpu,
  sizes: { tokens: number; heads: number; headWidth: number; capacity: number },
): number[] | undefined {
  if (gpu.software || sizes.capacity <= 1024) return undefined;
  return [sizes.tokens, sizes.heads, splitCount(sizes.capacity), sizes.headWidth + 1];
}

/** Records decode attention; the arguments have been checked by `attention`. */
export function attentionDecode(rec: Recording, args: AttentionArgs, label: string): void {
  const { q, cache, pageTable, sequences, lengths, out, heads, window, scratch, rows } = args;
  const { kvHeads, headWidth, pageSize } = cache;
  const groupSize = heads / kvHeads;
  const tuning = attentionTuning(rec.gpu, args);
  const { decodeThreads: threads, keyLanes, chunk } = tuning;
  // As many heads share a read as registers and workgroup memory allow, in equal groups.
  const headGroups = Math.ceil(groupSize / Math.min(8, Math.floor(1024 / headWidth)));
  const groupHeads = Math.ceil(groupSize / headGroups);

  const maxTokens = rowsOf(rows, rec.maxStep);
  const capacity = Math.min(pageTable.shape[1]! * pageSize, window ?? Number.POSITIVE_INFINITY);
  const splits = scratch ? splitCount(capacity) : 1;
  const sumsStart = maxTokens * heads * splits * headWidth;
  if (scratch) {
    const needed = sumsStart + maxTokens * heads * splits;
    expectKernel(
      scratch.dtype === "f32" && scratch.shape.reduce((a, b) => a * b, 1) >= needed,
      label,
      `scratch is ${scratch.dtype} (${scratch.shape.join(", ")}) and should be f32 (${maxTokens}, ${heads}, ${splits}, ${headWidth + 1}).`,
    );
  }
  const split = scratch !== undefined && splits > 1;
  const sizes = attentionSizes(args) + constSource({ splits });
  rec.dispatch({
    label,
    source:
      sizes +
      constSource({ headGroups, groupHeads, threads, keyLanes, chunk }) +
      cacheReadSource(cache, 1) +
      spanSource +
      rolledSource(tuning) +
      unroll(kernel, { groupHeads }),
    constants: { scale: args.scale * Math.LOG2E, sumsStart },
    bindings: [q, cache.keys, cache.values, pageTable, sequences, lengths, split ? scratch : out],
    workgroups: (step) => [kvHeads * headGroups, rowsOf(rows, step), splits],
  });
  if (!split) return;
  rec.dispatch({
    label: `${label} merge`,
    source: sizes + constSource({ headWidth }) + spanSource + mergeKernel,
    constants: { sumsStart },
    bindings: [scratch, lengths, out],
    workgroups: (step) => [heads, rowsOf(rows, step)],
  });
}
