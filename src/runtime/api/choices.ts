/** Runs the choices of a request on the engine, as many at once as it computes. */

import type { Engine, GenerationEvent, GenerationRequest, TokenConstraint } from "../engine/types.ts";
import type { GenerationFields } from "./sampling.ts";

/** What differs from prompt to prompt or from route to route. */
export interface ChoiceOptions {
  promptTokens: readonly number[];
  maxTokens: number | undefined;
  topLogprobs: number | undefined;
  promptLogprobs: boolean;
  signal: AbortSignal;
  /** Begins what limits the tokens of one choice. */
  constraint?: (() => TokenConstraint) | undefined;
}

/** `count` requests for one prompt. With a seed, each has its own: seed, seed + 1, … as in vLLM. */
export function choiceRequests(
  fields: GenerationFields,
  options: ChoiceOptions,
  count: number,
): GenerationRequest[] {
  const { sampling, stopStrings, stopTokens, ignoreEos, skipSpecialTokens, cachePrompt } = fields;
  return Array.from({ length: count }, (_, sample) => ({
    ...options,
    sampling: { ...sampling, seed: sampling.seed === undefined ? undefined : sampling.seed + sample },
    stopStrings,
    stopTokens,
    ignoreEos,
    skipSpecialTokens,
    cachePrompt,
    contextShift: fields.truncation.contextShift,
  }));
}

/**
 * The events of all `requests` as they come, each with its request's position. The engine computes equal prompts once.
 * Leaving the loop, or a failure of one, ends all.
 */
export async function* runChoices(
  engine: Engine,
  requests: readonly GenerationRequest[],
  signal: AbortSignal,
): AsyncGenerator<{ index: number; event: GenerationEvent }, void, void> {
  const abort = follow(signal);
  const idle = new Set<AsyncGenerator<GenerationEvent, void, void>>();
  const steps = new Map<number, Promise<Awaited<ReturnType<typeof step>>>>();
  const step = async (index: number, events: AsyncGenerator<GenerationEvent, void, void>) => ({
    index,
    events,
    result: await events.next(),
  });
  let next = 0;
  try {
    for (;;) {
      for (; next < requests.length && steps.size < engine.maxRunning; next++)
        steps.set(next, step(next, engine.generate({ ...requests[next]!, signal: abort.signal })));
      if (steps.size === 0) return;
      const { index, events, result } = await Promise.race(steps.values());
      // Goes to the end of the row: among those that are ready, all have their turn.
      steps.delete(index);
      if (result.done) continue;
      idle.add(events);
      yield { index, event: result.value };
      idle.delete(events);
      steps.set(index, step(index, events));
    }
  } finally {
    for (const running of steps.values()) running.catch(() => undefined);
    if (steps.size > 0) abort.abort();
    for (const events of idle) await events.return();
  }
}

/** A controller that aborts when `signal` does. */
export function follow(signal: AbortSignal): AbortController {
  const controller = new AbortController();
  if (signal.aborted) controller.abort(signal.reason);
  signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
  return controller;
}
