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

/**
 * Declares `rolled(bound)` for loops over constants. Software adapters take many seconds to compile such loops
 * unrolled, so there the bound looks as if it came from `lengths` (whose top bit is never set).
 */
export function rolledSource(gpu: Gpu): string {
  return `fn rolled(bound: u32) -> u32 { return bound${gpu.software ? " + (lengths[0] >> 31u)" : ""}; }\n`;
}
