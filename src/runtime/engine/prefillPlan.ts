/** Which tokens of which prompts a step computes. */

import type { Sequence } from "./sequence.ts";
import type { StepPart } from "./stepPlan.ts";

/** Prompts whose last token is in the part, and that token's row. */
export type PromptEnd = { sequence: Sequence; row: number };

/**
 * Shares the step among the prompts under way: half for the oldest, so that it ends in time; half for those that have
 * least to do, so that a short one does not wait for a long one; what is left for the oldest again. Advances them.
 * @param running in order of arrival
 */
export function planPrefill(
  running: readonly Sequence[],
  limits: { chunkTokens: number; maxOutputs: number },
): { part: StepPart | undefined; ends: PromptEnd[] } {
  const prompts = running.filter(({ isPrefilling }) => isPrefilling);
  const oldest = prompts[0];
  if (!oldest) return { part: undefined, ends: [] };
  const left = (sequence: Sequence) => sequence.prefillEnd - sequence.computed;
  const shares = new Map<Sequence, number>();
  let budget = limits.chunkTokens;
  const give = (sequence: Sequence, most: number) => {
    const had = shares.get(sequence) ?? 0;
    const count = Math.min(left(sequence) - had, most, budget);
    budget -= count;
    shares.set(sequence, had + count);
  };
  give(oldest, prompts.length > 1 ? Math.ceil(limits.chunkTokens / 2) : budget);
  for (const sequence of prompts.slice(1).sort((a, b) => left(a) - left(b) || a.id - b.id))
    give(sequence, budget);
  give(oldest, budget);

  const part: StepPart = { kind: "prefill", tokens: 0, entries: [], outputs: [] };
  const ends: PromptEnd[] = [];
  for (const [sequence, share] of shares) {
    const start = sequence.computed;
    const { promptLogits = false } = sequence.options;
    const outputsLeft = limits.maxOutputs - part.outputs.length;
    let count = promptLogits ? Math.min(share, outputsLeft) : share;
    // Its last token needs an output.
    if (count === left(sequence) && outputsLeft === 0 && sequence.drawsAt(sequence.prefillEnd - 1)) count--;
    if (count <= 0) continue;
    const row = part.tokens;
    part.entries.push({ sequence, start, count });
    part.tokens += count;
    sequence.computed += count;
    const ended = sequence.computed === sequence.prefillEnd;
    for (let i = 0; i < count; i++) {
      const position = start + i;
      const draws = ended && i === count - 1 && sequence.drawsAt(position);
      if (!promptLogits && !draws) continue;
      part.outputs.push({ row: row + i, sequence, draw: draws ? sequence.drawn++ : -1, position });
    }
    if (ended) ends.push({ sequence, row: part.tokens - 1 });
  }
  return { part: part.tokens > 0 ? part : undefined, ends };
}
