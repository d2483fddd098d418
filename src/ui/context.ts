/** Which part of a conversation a model can still see. */

import type { ChatTurn } from "./completion.ts";

/** Tokens that a chat template adds to each turn, about. */
const turnOverhead = 8;

/** A rough count of tokens: a third of the plain characters, one for each other character. */
export function estimateTokens(turns: readonly ChatTurn[]): number {
  let tokens = 0;
  for (const { content } of turns) {
    let plain = 0;
    for (let i = 0; i < content.length; i++) if (content.charCodeAt(i) < 0x80) plain++;
    tokens += turnOverhead + plain / 3 + (content.length - plain);
  }
  return Math.ceil(tokens);
}

/**
 * Leaves out the oldest question with its answer; the system prompt and the last question stay.
 * Undefined when nothing can be left out.
 */
export function withoutOldestTurn(turns: readonly ChatTurn[]): ChatTurn[] | undefined {
  const start = turns[0]?.role === "system" ? 1 : 0;
  let next = start + 1;
  while (next < turns.length && turns[next]!.role !== "user") next++;
  if (next >= turns.length) return undefined;
  return [...turns.slice(0, start), ...turns.slice(next)];
}

/** The newest turns of a conversation that should fit into the context and leave a quarter for the answer. */
export function fitContext(turns: readonly ChatTurn[], contextLength: number): ChatTurn[] {
  let fitting = [...turns];
  while (estimateTokens(fitting) > contextLength * 0.75) {
    const shorter = withoutOldestTurn(fitting);
    if (!shorter) break;
    fitting = shorter;
  }
  return fitting;
}
