/** What both attention algorithms take, check and know at compile time. */

import type { Gpu } from "../runtime/gpu/device.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectSize } from "./checks.ts";
import { expectKvCache, type KvCache } from "./kvCache.ts";
import { constSource, type RowCount } from "./prelude.ts";

export interface AttentionArgs {
  q: Tensor; // (T, H, E)
  cache: KvCache;
  /** The pages of each sequence in order; entries behind its last page are not read. */
  pageTable: Tensor; // (B, pages per sequence) u32
  /** The page table's row of each token. */
  sequences: Tensor; // (T) u32
  /** How many cached positions each token sees, itself included: at least 1. */
  lengths: Tensor; // (T) u32
  /** In another buffer than q. */
  out: Tensor; // (T, H, E)
  /** H: a multiple of the cache's kvHeads; query head h reads kv head floor(h / (H / K)). */
  heads: number;
  /** Multiplies q · k, usually 1 / sqrt(E). */
  scale: number;
  /** A token sees no more than its last `window` positions. */
  window?: number | undefined;
  /** Room for decode to split long sequences over more workgroups; see `attentionScratchShape`. */
  scratch?: Tensor | undefined;
  /** Default: by whether the adapter is software. */
  tuning?: AttentionTuning | undefined;
  rows: RowCount;
}

/** Fails with both shapes unless the arguments fit each other and the largest step. */
export function checkAttention(rec: Recording, args: AttentionArgs, label: string): void {
  const { q, cache, pageTable, sequences, lengths, out, heads, scale, window, rows } = args;
  expectKvCache(label, cache);
  expectSize(label, "heads", heads, 1);
  expectKernel(
    heads % cache.kvHeads === 0,
    label,
    `heads is ${heads} and should be a multiple of ${cache.kvHeads}.`,
  );
  expectKernel(Number.isFinite(scale), label, `scale is ${scale} and should be finite.`);
  if (window !== undefined) expectSize(label, "window", window, 1, 0xffff_ffff);
  expectRows(rec, label, "q", q, "f32", rows, heads * cache.headWidth);
  expectRows(rec, label, "out", out, "f32", rows, heads * cache.headWidth);
  expectRows(rec, label, "sequences", sequences, "u32", rows, 1);
  expectRows(rec, label, "lengths", lengths, "u32", rows, 1);
  expectKernel(
    pageTable.dtype === "u32" && pageTable.shape.length === 2 && pageTable.shape[1]! > 0,
    label,
    `pageTable is ${pageTable.dtype} (${pageTable.shape.join(", ")}) and should be u32 (sequences, pages).`,
  );
  expectKernel(q.buffer !== out.buffer, label, "out is in the buffer of q.");
}

/** Sizes that both algorithms know at compile time. */
export function attentionSizes({ heads, cache, pageTable, window }: AttentionArgs): string {
  return constSource({
    heads,
    groupSize: heads / cache.kvHeads,
    maxPages: pageTable.shape[1]!,
    window: window ?? 0xffff_ffff,
  });
}

/** Sizes of workgroups; any choice computes the same. */
export interface AttentionTuning {
  /** Decode: threads of a workgroup, at least 32 and a multiple of keyLanes. */
  decodeThreads: number;
  /** Decode: threads that share a key: 4 read side by side, 1 needs fewer barriers. */
  keyLanes: number;
  /** Decode: positions between updates of the softmax, a multiple of decodeThreads. */
  chunk: number;
  /** Prefill: threads of a workgroup, 32, 64 or 128. */
  prefillThreads: number;
  /** Keep loops as loops: software adapters take many seconds to compile them unrolled. */
  rolled: boolean;
}

/** Neighbouring threads read neighbouring words, and there are enough of them to hide latency. */
export const gpuTuning: AttentionTuning = {
  ...{ decodeThreads: 128, keyLanes: 4, chunk: 128 },
  ...{ prefillThreads: 128, rolled: false },
};

/** On a CPU every thread of a workgroup pays for every barrier: few threads with much work each. */
const softwareTuning: AttentionTuning = {
  ...{ decodeThreads: 32, keyLanes: 1, chunk: 128 },
  ...{ prefillThreads: 32, rolled: true },
};

export function attentionTuning(gpu: Gpu, { tuning }: AttentionArgs): AttentionTuning {
  return tuning ?? (gpu.software ? softwareTuning : gpuTuning);
}

/** Declares `rolled(bound)`: where loops are to stay loops, it looks as if it depended on `lengths` (below 2^31). */
export function rolledSource({ rolled }: AttentionTuning): string {
  return `fn rolled(bound: u32) -> u32 { return bound${rolled ? " + (lengths[0] >> 31u)" : ""}; }\n`;
}
