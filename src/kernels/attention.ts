import type { Recording } from "../runtime/gpu/recording.ts";
import { type AttentionArgs, attentionTuning, checkAttention } from "./attentionArgs.ts";
import { attentionDecode } from "./attentionDecode.ts";
import { attentionPrefill } from "./attentionPrefill.ts";
import { attentionPrefillLanes, canPrefillInLanes } from "./attentionPrefillLanes.ts";
import { chooseDecode, choosePrefill } from "./attentionVariants.ts";
import { ropeAppend } from "./ropeAppend.ts";

export type { AttentionArgs, HeadNorm, TokenInputs } from "./attentionArgs.ts";
export { attentionWritesActivations } from "./attentionArgs.ts";
export { attentionScratchShape } from "./attentionDecode.ts";

/**
 * Everything between the q, k and v projections and the output projection, for a step whose tokens all belong to
 * different sequences: head norms, RoPE, append to the cache, and grouped-query attention with the token's own position.
 * One dispatch, or two with `scratch` (the positions split over workgroups, then merged). qkv is only read.
 *
 * out[t, h, :] = Σ_s softmax_s(scale · q[t, h, :] · keys[s]) values[s] over the positions s that token t sees. Logits and
 * weights are f32; logits up to 1e4 and beyond stay finite. A token takes its own key and value as the cache stores
 * them, or unrounded where a compiler sees through the rounding to f16.
 * Source: Vaswani et al. 2017, arXiv:1706.03762; online softmax: Milakov and Gimelshein 2018, arXiv:1805.02867.
 * @throws OmniError `internal_error` naming both shapes where they do not fit
 */
export function decodeAttention(rec: Recording, args: AttentionArgs, label: string): void {
  label = `attention ${label}`;
  checkAttention(rec, args, label);
  const tuning = chooseDecode(rec, args, label, attentionDecode);
  attentionDecode(rec, { ...args, tuning }, label);
}

/**
 * The same for any mix of tokens, in two dispatches: `ropeAppend`, which leaves normed and turned queries in qkv, then
 * attention in tiles over the cache. `lengths` alone say what a token sees: a later position too, where they say so, for rows
 * that see each other both ways; with a window, `windowEnds` as well.
 * @throws OmniError `internal_error` naming both shapes where they do not fit
 */
export function prefillAttention(rec: Recording, args: AttentionArgs, label: string): void {
  label = `attention ${label}`;
  checkAttention(rec, args, label);
  ropeAppend(rec, args, label);
  if (attentionTuning(rec.gpu, args).prefillInLanes && canPrefillInLanes(rec.gpu)) {
    attentionPrefillLanes(rec, args, label);
    return;
  }
  const tuning = choosePrefill(rec, args, label, attentionPrefill);
  attentionPrefill(rec, { ...args, tuning }, label);
}
