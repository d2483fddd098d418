/** Which tokens of which prompts a step computes. */

import type { SeenRows } from "./mediaRows.ts";
import type { Sequence } from "./sequence.ts";
import type { StepPart } from "./stepPlan.ts";

/** Prompts whose last token is in the step, with its part and row. */
export type PromptEnd = { sequence: Sequence; part: StepPart; row: number };

/** What planning knows of rows that see each other both ways: a step has all of a span that is still to be computed. */
export interface SpanLimits {
  /** What a token sees of its span. */
  seenBy: (token: number) => SeenRows;
  /** Most tokens of a part, which a span may need even if a step was to have fewer; no span is longer. */
  maxTokens: number;
}

export interface PrefillLimits {
  chunkTokens: number;
  spans?: SpanLimits | undefined;
  /** Most outputs of a part where prompts only draw their first token. */
  maxOutputs: number;
  /** Most outputs of a part where all logits are wanted. */
  maxRowOutputs: number;
}

/**
 * Shares the step among the prompts under way: half for the oldest, so that it ends in time; half for those that have
 * least to do, so that a short one does not wait for a long one; what is left for the oldest again. No part ends within a
 * span of rows that see each other: it ends before, or takes more than its share. Advances them.
 * @param running in order of arrival
 */
export function planPrefill(
  running: readonly Sequence[],
  limits: PrefillLimits,
): { parts: StepPart[]; ends: PromptEnd[] } {
  const drawing: StepPart = { kind: "prefill", tokens: 0, entries: [], outputs: [] };
  const allRows: StepPart = { kind: "prefill", allRows: true, tokens: 0, entries: [], outputs: [] };
  const ends: PromptEnd[] = [];
  for (const [sequence, share] of shareTokens(running, limits)) {
    const { promptLogits = false } = sequence.options;
    const part = promptLogits ? allRows : drawing;
    const outputsLeft = (promptLogits ? limits.maxRowOutputs : limits.maxOutputs) - part.outputs.length;
    let count = promptLogits ? Math.min(share, outputsLeft) : share;
    // Its last token needs an output.
    const ending = sequence.computed + count === sequence.prefillEnd;
    if (ending && outputsLeft === 0 && sequence.drawsAt(sequence.prefillEnd - 1))
      count = wholeSpans(sequence, sequence.computed, count - 1, limits.spans, 0);
    if (count <= 0) continue;
    addTokens(part, sequence, count);
    if (sequence.computed === sequence.prefillEnd) ends.push({ sequence, part, row: part.tokens - 1 });
  }
  return { parts: [drawing, allRows].filter(({ tokens }) => tokens > 0), ends };
}

function shareTokens(
  running: readonly Sequence[],
  { chunkTokens, spans }: PrefillLimits,
): Map<Sequence, number> {
  const prompts = running.filter(({ isPrefilling }) => isPrefilling);
  const shares = new Map<Sequence, number>();
  const left = (sequence: Sequence) => sequence.prefillEnd - sequence.computed - (shares.get(sequence) ?? 0);
  let budget = chunkTokens;
  let room = spans?.maxTokens ?? chunkTokens;
  const give = (sequence: Sequence, most: number) => {
    const given = shares.get(sequence) ?? 0;
    const share = Math.max(0, Math.min(left(sequence), most, budget));
    const count = wholeSpans(sequence, sequence.computed + given, share, spans, room);
    budget -= count;
    room -= count;
    shares.set(sequence, given + count);
  };
  const [oldest, ...others] = prompts;
  if (!oldest) return shares;
  give(oldest, others.length > 0 ? Math.ceil(chunkTokens / 2) : chunkTokens);
  for (const sequence of others.sort((a, b) => left(a) - left(b) || a.id - b.id)) give(sequence, budget);
  give(oldest, budget);
  return shares;
}

/**
 * So many tokens of a sequence from `start` on, or where that would end within a span, those before the span; or up to the end
 * of one that begins there, if that is no more than `most`.
 */
function wholeSpans(
  { tokens }: Sequence,
  start: number,
  count: number,
  spans: SpanLimits | undefined,
  most: number,
): number {
  if (!spans || count <= 0) return count;
  const { before, behind } = spans.seenBy(tokens[start + count - 1]!);
  if (behind === 0) return count;
  const first = start + count - 1 - before;
  if (first > start) return first - start;
  return count + behind <= most ? count + behind : 0;
}

function addTokens(part: StepPart, sequence: Sequence, count: number): void {
  const start = sequence.computed;
  part.entries.push({ sequence, start, count });
  sequence.computed += count;
  for (let position = start; position < start + count; position++, part.tokens++) {
    const draws = position === sequence.prefillEnd - 1 && sequence.drawsAt(position);
    if (!part.allRows && !draws) continue;
    part.outputs.push({ row: part.tokens, sequence, draw: draws ? sequence.drawn++ : -1, position });
  }
}
