import type { Recording } from "../runtime/gpu/recording.ts";
import { type AttentionArgs, attentionSizes, attentionTuning, rolledSource } from "./attentionArgs.ts";
import kernel from "./attentionPrefill.wgsl?raw";
import { cacheReadSource } from "./kvCache.ts";
import { constSource, rowConstants, rowsOf, stepSource } from "./prelude.ts";
import { unroll } from "./unroll.ts";

/** Records prefill attention; the arguments have been checked by `attention`. */
export function attentionPrefill(rec: Recording, args: AttentionArgs, label: string): void {
  const { q, cache, pageTable, sequences, lengths, out, heads, rows } = args;
  const { kvHeads, headWidth } = cache;
  // Elements of q and k that pass through workgroup memory at a time.
  const turn = [32, 16, 8].find((size) => headWidth % size === 0)!;
  const tuning = attentionTuning(rec.gpu, args);
  const threads = tuning.prefillThreads;
  const scoreRows = 256 / threads; // a tile of 32 rows × 8 threads that have 4 positions each
  const valueRows = 512 / threads; // a tile of 32 rows × 16 threads that have every 16th vec4 of E
  const slots = Math.ceil(headWidth / 64);
  rec.dispatch({
    label,
    source:
      attentionSizes(args) +
      constSource({ turn, threads, scoreRows, valueRows }) +
      cacheReadSource(cache, 1) +
      stepSource(7) +
      rolledSource(tuning) +
      unroll(kernel, { slots, scoreRows, valueRows }),
    constants: { ...rowConstants(rows), scale: args.scale * Math.LOG2E },
    bindings: [q, cache.keys, cache.values, pageTable, sequences, lengths, out, rec.step],
    workgroups: (step) => [Math.ceil((rowsOf(rows, step) * heads) / kvHeads / 32), kvHeads],
  });
}
