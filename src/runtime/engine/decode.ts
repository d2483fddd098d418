/** Where the tokens after the prompt come from: the CPU's sampler, or the GPU's own choice with steps in flight. */

import type { ModelRunner } from "./modelRunner.ts";
import type { CachedSequence } from "./pages.ts";
import type { Sampler } from "./sampler.ts";
import type { TokenConstraint } from "./types.ts";

export interface DecodedToken {
  token: number;
  /** Those it was drawn from; undefined where they stayed on the GPU. */
  logits: Float32Array | undefined;
}

/**
 * Draws each token from its logits, among those that `constraint` allows; computes the next step only when another
 * token is asked for, and the mask of that token meanwhile.
 */
export async function* sampledTokens(
  runner: ModelRunner,
  sequence: CachedSequence,
  sampler: Sampler,
  logits: Float32Array,
  constraint: TokenConstraint | undefined,
): AsyncGenerator<DecodedToken, never, void> {
  for (;;) {
    const token = sampler.sample(logits, constraint?.mask());
    constraint?.accept(token);
    yield { token, logits };
    const start = sequence.length;
    sequence.append([token]);
    try {
      const next = runner.logits({ sequence, tokens: [token], start, outputRows: [0] });
      prepare(constraint);
      logits = await next;
    } catch (error) {
      sequence.truncate(start);
      throw error;
    }
  }
}

/** Has the mask of the next draw computed now. What is wrong with it shows again at the draw. */
function prepare(constraint: TokenConstraint | undefined): void {
  try {
    constraint?.mask();
  } catch {}
}

/** Steps on their way: enough to hide the way back from the GPU, few enough to throw away when the text ends. */
const stepsInFlight = 4;
/** Stands for a token that only the GPU knows yet. */
const unknown = -1;

/**
 * The most probable tokens. A step takes its token from the one before on the GPU; the CPU learns it later. When the
 * consumer leaves, positions that were computed beyond the last token are given back.
 * @param first the token that the GPU chose after the prompt
 * @param most tokens that will be asked for, `first` included
 */
export async function* greedyTokens(
  runner: ModelRunner,
  sequence: CachedSequence,
  first: number,
  most: number,
): AsyncGenerator<DecodedToken, void, void> {
  const start = sequence.length;
  const pending: Promise<number>[] = [Promise.resolve(first)];
  let known = 0;
  try {
    while (known < most) {
      while (pending.length < stepsInFlight && known + pending.length < most) {
        const position = sequence.length;
        sequence.append([unknown]);
        const step = { sequence, tokens: [0], start: position, outputRows: [0] };
        const token = runner.nextBest(step);
        token.catch(() => undefined); // a failure shows when its turn comes, if it does
        pending.push(token);
      }
      const token = await pending.shift()!;
      if (start + known < sequence.length) sequence.tokens[start + known] = token;
      known++;
      yield { token, logits: undefined };
    }
  } finally {
    sequence.truncate(start + known);
  }
}
