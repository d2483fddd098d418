import type { Gpu } from "../runtime/gpu/device.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import { type AttentionArgs, attentionTuning, inputsRange, rolledSource } from "./attentionArgs.ts";
import kernel from "./attentionDecode.wgsl?raw";
import mergeKernel from "./attentionMerge.wgsl?raw";
import { resultSlice, resultSource } from "./attentionResult.ts";
import spanSource from "./attentionSpan.wgsl?raw";
import { expectKernel } from "./checks.ts";
import { pieceWidth } from "./kvCache.ts";
import { constSource } from "./prelude.ts";
import { qkvRowsBindings, qkvRowsSource } from "./qkvRows.ts";
import { teamsPartialSize, teamsSource, teamsThread, teamsUseSubgroups } from "./teams.ts";
import { unroll } from "./unroll.ts";

/** Splits of the positions for a token that may see this many. */
function splitCount(capacity: number): number {
  return Math.min(32, Math.ceil(capacity / 128));
}

/**
 * Shape of the f32 scratch with which `decodeAttention` splits long sequences over several workgroups per kv head,
 * or undefined where that does not pay. One scratch serves all layers, since their dispatches follow each other.
 * @param sizes `tokens` of the largest decode step, and `capacity`: the positions that a token may see, at most
 */
export function attentionScratchShape(
  gpu: Gpu,
  sizes: { tokens: number; heads: number; headWidth: number; capacity: number },
): number[] | undefined {
  if (gpu.software || sizes.capacity <= 1024) return undefined;
  return [sizes.tokens, sizes.heads, splitCount(sizes.capacity), sizes.headWidth + 1];
}

/** The largest power of two up to a number of at least 1. */
function powerOfTwo(limit: number): number {
  return 2 ** Math.floor(Math.log2(limit));
}

/** Floats of workgroup memory in which teams meet. */
const partialFloats = 2048;

/** How decode is laid out: see attentionDecode.wgsl. */
function decodeLayout(gpu: Gpu, args: AttentionArgs) {
  const { cache, heads } = args;
  const { type, kvHeads, headWidth, pageSize } = cache;
  const tuning = attentionTuning(gpu, args);
  const width = pieceWidth(type);
  const pieces = headWidth / width;
  const fitting = Math.min(tuning.lanes, gpu.subgroups?.min ?? tuning.lanes);
  const lanes = Math.min(powerOfTwo(fitting), powerOfTwo(2 * pieces - 1));
  const threads = Math.max(
    8,
    lanes,
    Math.min(tuning.decodeThreads, powerOfTwo((lanes * partialFloats) / headWidth)),
  );
  // As many heads share a read as registers and workgroup memory allow, in equal groups.
  const laneElements = Math.ceil(pieces / lanes) * width;
  const most = Math.max(
    1,
    Math.min(Math.floor(tuning.queryElements / laneElements), Math.floor(1536 / headWidth) - 2),
  );
  const groupSize = heads / kvHeads;
  const headGroups = Math.ceil(groupSize / most);
  const groupHeads = Math.ceil(groupSize / headGroups);
  let batch = Math.min(tuning.batch, lanes);
  // A batch lies in one page; without subgroups its partial scores, whole scores and weights take at most 12 of the
  // 16 KiB of workgroup memory that every adapter has.
  const fits = () => pageSize % batch === 0 && threads * groupHeads * (batch + 2) <= 1.5 * partialFloats;
  while (batch > 1 && !fits()) batch /= 2;
  return { threads, lanes, headGroups, groupHeads, groupSize, batch, laneVectors: laneElements / 4 };
}

/** Records decode attention; the arguments have been checked by `decodeAttention`. */
export function attentionDecode(rec: Recording, args: AttentionArgs, label: string): void {
  const { cache, inputs, heads, window = 0xffff_ffff, scratch } = args;
  const { kvHeads, headWidth } = cache;
  const layout = decodeLayout(rec.gpu, args);
  const { threads, lanes, headGroups, groupHeads, batch, laneVectors } = layout;
  const maxTokens = rec.maxStep.tokens;
  const splits = scratch?.shape[2] ?? 1;
  if (scratch) {
    const [tokens = 0, ...inner] = scratch.shape;
    const fits = tokens >= maxTokens && inner.join() === [heads, splits, headWidth + 1].join();
    expectKernel(
      scratch.dtype === "f32" && fits && splits > 0,
      label,
      `scratch is ${scratch.dtype} (${scratch.shape.join(", ")}) and should be f32 (${maxTokens}, ${heads}, splits, ${headWidth + 1}).`,
    );
  }
  // Zero unless split, so that recordings of any size share a pipeline.
  const sumsStart = splits > 1 ? maxTokens * heads * splits * headWidth : 0;
  const split = splits > 1;
  const result = resultSlice(args);
  const range = inputsRange(label, inputs);
  const spanConstants = constSource({ window, splits, sumsStart });
  const subgroups = lanes > 1 && teamsUseSubgroups(rec.gpu, layout);
  const partialSize = Math.max((threads / lanes) * headWidth, teamsPartialSize(layout, subgroups));
  rec.dispatch({
    label,
    source:
      (subgroups ? "enable subgroups;\n" : "") +
      constSource({ threads, lanes, batch, headGroups, partialSize }) +
      spanConstants +
      range.source +
      qkvRowsSource(args, groupHeads, "read", 6) +
      spanSource +
      resultSource(args, split, threads, 5, subgroups && rec.gpu.subgroups!.min >= 8) +
      rolledSource(attentionTuning(rec.gpu, args)) +
      unroll(teamsSource(layout, subgroups), { groupHeads }) +
      unroll(teamsThread(kernel, subgroups), {
        ...{ groupHeads, laneVectors },
        lanePieces: (laneVectors * 4) / pieceWidth(cache.type),
        pieceVectors: pieceWidth(cache.type) / 4,
      }),
    constants: { scale: args.scale * Math.LOG2E },
    bindings: [
      ...[args.qkv, cache.keys, cache.values, args.faults, range.slice],
      split ? scratch! : result,
      ...qkvRowsBindings(args),
    ],
    workgroups: (step) => [kvHeads * headGroups, step.tokens, splits],
  });
  if (!split) return;
  const mergeThreads = 64;
  rec.dispatch({
    label: `${label} merge`,
    source:
      constSource({ heads, headWidth, threads: mergeThreads }) +
      spanConstants +
      range.source +
      spanSource +
      resultSource(args, false, mergeThreads, 2, false) +
      mergeKernel,
    bindings: [scratch!, range.slice, result],
    workgroups: (step) => [heads, step.tokens],
  });
}
