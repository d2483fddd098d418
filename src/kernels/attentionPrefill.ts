import type { Recording } from "../runtime/gpu/recording.ts";
import { type AttentionArgs, attentionSizes, rolledSource } from "./attentionArgs.ts";
import kernel from "./attentionPrefill.wgsl?raw";
import { cacheReadSource } from "./kvCache.ts";
import { constSource, rowConstants, rowsOf, stepSource } from "./prelude.ts";

/** Records prefill attention; the arguments have been checked by `attention`. */
export function attentionPrefill(rec: Recording, args: AttentionArgs, label: string): void {
  const { q, cache, pageTable, sequences, lengths, out, heads, rows } = args;
  const { kvHeads, headWidth } = cache;
  // Elements of q and k that pass through workgroup memory at a time.
  const turn = [32, 16, 8].find((size) => headWidth % size === 0)!;
  rec.dispatch({
    label,
    source:
      attentionSizes(args) +
      constSource({ turn }) +
      cacheReadSource(cache, 1) +
      stepSource(7) +
      rolledSource(rec.gpu) +
      kernel,
    constants: { ...rowConstants(rows), scale: args.scale * Math.LOG2E },
    bindings: [q, cache.keys, cache.values, pageTable, sequences, lengths, out, rec.step],
    workgroups: (step) => [Math.ceil((rowsOf(rows, step) * heads) / kvHeads / 32), kvHeads],
  });
}
