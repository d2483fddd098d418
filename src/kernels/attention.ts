import type { Recording } from "../runtime/gpu/recording.ts";
import { type AttentionArgs, checkAttention } from "./attentionArgs.ts";
import { attentionDecode } from "./attentionDecode.ts";
import { attentionPrefill } from "./attentionPrefill.ts";
import { rowsOf } from "./prelude.ts";

export type { AttentionArgs } from "./attentionArgs.ts";
export { attentionScratchShape } from "./attentionDecode.ts";

/** Largest step that the decode algorithm handles. */
const decodeTokens = 8;

/**
 * Grouped-query attention over the paged cache, causal by `lengths`:
 * out[t, h, :] = Σ_s softmax_s(scale · q[t, h, :] · keys[s]) values[s] over the positions s that token t sees.
 * Recordings of up to 8 tokens use the decode algorithm (keys and values read once per token), larger ones prefill
 * (once per 32 rows of q). Logits and weights are f32; logits up to 1e4 and beyond stay finite.
 * Source: Vaswani et al. 2017, arXiv:1706.03762; online softmax: Milakov and Gimelshein 2018, arXiv:1805.02867.
 * @throws OmniError `internal_error` naming both shapes where they do not fit
 */
export function attention(rec: Recording, args: AttentionArgs, label: string): void {
  label = `attention ${label}`;
  checkAttention(rec, args, label);
  if (rowsOf(args.rows, rec.maxStep) <= decodeTokens) attentionDecode(rec, args, label);
  else attentionPrefill(rec, args, label);
}
