/** Runs the choices of a request, one after another, on the engine. */

import type { Engine, GenerationEvent, GenerationRequest } from "../engine/types.ts";
import type { GenerationFields } from "./sampling.ts";

/** What differs from prompt to prompt or from route to route. */
export interface ChoiceOptions {
  promptTokens: readonly number[];
  maxTokens: number;
  topLogprobs: number | undefined;
  promptLogprobs: boolean;
  signal: AbortSignal;
}

/** `count` requests for one prompt. With a seed, each has its own: seed, seed + 1, … as in vLLM. */
export function choiceRequests(
  fields: GenerationFields,
  options: ChoiceOptions,
  count: number,
): GenerationRequest[] {
  const { sampling, stopStrings, stopTokens, ignoreEos, skipSpecialTokens } = fields;
  return Array.from({ length: count }, (_, sample) => ({
    ...options,
    sampling: { ...sampling, seed: sampling.seed === undefined ? undefined : sampling.seed + sample },
    stopStrings,
    stopTokens,
    ignoreEos,
    skipSpecialTokens,
  }));
}

/** The events of all `requests` in turn, each with its position. Leaving the loop leaves the engine. */
export async function* runChoices(
  engine: Engine,
  requests: readonly GenerationRequest[],
): AsyncGenerator<{ index: number; event: GenerationEvent }, void, void> {
  for (const [index, request] of requests.entries())
    for await (const event of engine.generate(request)) yield { index, event };
}

/** A controller that aborts when `signal` does. */
export function follow(signal: AbortSignal): AbortController {
  const controller = new AbortController();
  if (signal.aborted) controller.abort(signal.reason);
  signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
  return controller;
}
