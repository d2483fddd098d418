import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import { expectRows } from "./checks.ts";
import kernel from "./kvAppend.wgsl?raw";
import { cacheWriteSource, expectKvCache, type KvCache } from "./kvCache.ts";
import { foldWorkgroups, gridSource, type RowCount, rowConstants, rowsOf, stepSource } from "./prelude.ts";

export interface KvAppendArgs {
  k: Tensor; // (T, K, E)
  v: Tensor; // (T, K, E)
  /** page · pageSize + position in the page; a slot beyond the cache stores nothing. */
  slots: Tensor; // (T) u32
  cache: KvCache;
  rows: RowCount;
}

/**
 * Writes the keys and values of this step's tokens to their slots of the paged cache. In an f16 cache, values
 * beyond ±65504 are stored as ±65504.
 * @throws OmniError `internal_error` naming both shapes where they do not fit
 */
export function kvAppend(rec: Recording, { k, v, slots, cache, rows }: KvAppendArgs, label: string): void {
  label = `kvAppend ${label}`;
  expectKvCache(label, cache);
  const width = cache.kvHeads * cache.headWidth;
  expectRows(rec, label, "k", k, "f32", rows, width);
  expectRows(rec, label, "v", v, "f32", rows, width);
  expectRows(rec, label, "slots", slots, "u32", rows, 1);
  rec.dispatch({
    label,
    source: cacheWriteSource(cache, 3) + stepSource(5) + gridSource + kernel,
    constants: rowConstants(rows),
    bindings: [k, v, slots, cache.keys, cache.values, rec.step],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * width) / 8 / 64)),
  });
}
