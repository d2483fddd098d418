import type { Recording } from "../runtime/gpu/recording.ts";
import { attentionTuning, checkQkv, inputsRange, type QkvArgs, rolledSource } from "./attentionArgs.ts";
import { constSource } from "./prelude.ts";
import { qkvRowsBindings, qkvRowsSource } from "./qkvRows.ts";
import kernel from "./ropeAppend.wgsl?raw";

/** Floats of workgroup memory for the rows of a kv head. */
const rowFloats = 2048;

/**
 * Prepares attention for any mix of tokens, in one dispatch: RMSNorm of the heads of q and k where the model has it,
 * RoPE of both where it has that, the queries in place in qkv, keys and values to their slots of the paged cache.
 * What exceeds the cache's type is stored as its largest number and noted in `faults`.
 * Source of RMSNorm: Zhang and Sennrich 2019, arXiv:1910.07467; of RoPE: Su et al. 2021, arXiv:2104.09864.
 * @throws OmniError `internal_error` naming both shapes where they do not fit
 */
export function ropeAppend(rec: Recording, args: QkvArgs, label: string): void {
  label = `ropeAppend ${label}`;
  checkQkv(rec, args, label);
  const { qkv, cache, inputs, heads, faults } = args;
  const { kvHeads, headWidth } = cache;
  const groupSize = heads / kvHeads;
  const headGroups = Math.ceil(groupSize / (Math.floor(rowFloats / headWidth) - 2));
  const groupHeads = Math.ceil(groupSize / headGroups);
  const range = inputsRange(label, inputs);
  rec.dispatch({
    label,
    source:
      constSource({ threads: rec.gpu.software ? 16 : 128, headGroups }) +
      range.source +
      rolledSource(attentionTuning(rec.gpu, {})) +
      qkvRowsSource(args, groupHeads, "read_write", 5) +
      kernel,
    bindings: [qkv, cache.keys, cache.values, faults, range.slice, ...qkvRowsBindings(args)],
    workgroups: (step) => [kvHeads * headGroups, step.tokens],
  });
}
