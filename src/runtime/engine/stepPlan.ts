/** What one step computes. */

import type { Sequence } from "./sequence.ts";

/** `count` tokens of a sequence from position `start` on. */
export interface StepEntry {
  sequence: Sequence;
  start: number;
  count: number;
}

/** A row whose logits are wanted. */
export interface StepOutput {
  /** Among the part's tokens. */
  row: number;
  sequence: Sequence;
  /** Which of the sequence's draws this is; -1 where only the logits are wanted. */
  draw: number;
  /** The position of the row's token. */
  position: number;
}

/**
 * One replay of a recording. Prompts and single tokens are computed by different kernels, which round differently; a
 * position goes through the same ones whatever else is in the step, so that a sequence's tokens don't depend on it.
 */
export interface StepPart {
  kind: "prefill" | "decode";
  /** Logits of all its tokens are wanted; such prompts have a part of their own. */
  allRows?: boolean;
  /** T */
  tokens: number;
  entries: StepEntry[];
  outputs: StepOutput[];
}

export interface StepPlan {
  /** Pages to copy before anything else, in this order. */
  copies: { from: number; to: number }[];
  /** To be replayed in this order. */
  parts: StepPart[];
  /** Tokens in its prefill parts. */
  prefillTokens: number;
  /** Sequences whose prompt ends in this step. */
  promptEnds: Sequence[];
}

/** The token of `sequence` at `position`: its id, or where the GPU finds it ({@link onGpu}). */
export function tokenAt(sequence: Sequence, position: number): number {
  return sequence.tokens[position] ?? onGpu + sequence.drawSlot;
}

/** Marks a token that only the GPU knows: the rest of the number is the slot that drew it. */
export const onGpu = 0x8000_0000;
