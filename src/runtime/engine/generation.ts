/** One request from prompt to last token. */

import type { Tokenizer } from "../text/types.ts";
import { greedyTokens, sampledTokens } from "./decode.ts";
import type { ModelRunner } from "./modelRunner.ts";
import type { CachedSequence } from "./pages.ts";
import { prefill } from "./prefill.ts";
import { isPlainGreedy, Sampler, tokenLogprob } from "./sampler.ts";
import { StopText } from "./stopText.ts";
import { checkAborted, type FinishReason, type GenerationEvent, type GenerationRequest } from "./types.ts";

/**
 * Generates on a sequence that may already hold the first tokens of the prompt. What is computed stays in `sequence`,
 * so that a later request can go on from it, also after a cancellation.
 */
export async function* runGeneration(
  request: GenerationRequest,
  runner: ModelRunner,
  tokenizer: Tokenizer,
  sequence: CachedSequence,
  contextLength: number,
): AsyncGenerator<GenerationEvent, void, void> {
  const { promptTokens: prompt, sampling, signal, topLogprobs } = request;
  const mostTokens = Math.min(request.maxTokens ?? contextLength, contextLength - prompt.length);
  const onGpu =
    isPlainGreedy(sampling) && topLogprobs === undefined && !request.promptLogprobs && !request.constraint;
  const promptStart = performance.now();
  const wants = mostTokens === 0 ? "nothing" : onGpu ? "best" : "logits";
  const { cachedTokens, logprobs, logits, best } = await prefill(request, runner, sequence, wants);
  const decodeStart = performance.now();
  yield { type: "prompt", cachedTokens, logprobs };

  const detokenizer = tokenizer.stream({
    skipSpecial: request.skipSpecialTokens ?? true,
    continuation: request.continuation ?? false,
  });
  const stopText = new StopText(request.stopStrings);
  const endTokens = new Set(request.stopTokens);
  if (!request.ignoreEos) for (const end of tokenizer.endTokens) endTokens.add(end);
  let predicted = 0;
  let finishReason: FinishReason = "length";
  let stopString: string | undefined;
  const constraint = mostTokens > 0 ? await request.constraint?.() : undefined;
  try {
    if (mostTokens > 0) {
      const tokens =
        best === undefined
          ? sampledTokens(runner, sequence, new Sampler(sampling, prompt), logits!, constraint)
          : greedyTokens(runner, sequence, best, mostTokens);
      checkAborted(signal);
      for await (const { token, logits } of tokens) {
        checkAborted(signal);
        predicted++;
        if (endTokens.has(token)) {
          finishReason = "stop";
          break;
        }
        const logprob = topLogprobs === undefined ? undefined : tokenLogprob(logits!, token, topLogprobs);
        const { text, stop } = stopText.push(detokenizer.push(token));
        yield { type: "token", token, text, logprob };
        checkAborted(signal);
        if (stop !== undefined) {
          finishReason = "stop";
          stopString = stop;
          break;
        }
        if (constraint?.done) {
          finishReason = "stop";
          break;
        }
        if (predicted === mostTokens) break;
      }
    }
  } finally {
    constraint?.dispose();
  }

  let text = "";
  if (stopString === undefined) {
    const { text: certain, stop } = stopText.push(detokenizer.flush());
    text = certain;
    if (stop === undefined) text += stopText.flush();
    else {
      finishReason = "stop";
      stopString = stop;
    }
  }
  yield {
    type: "done",
    text,
    finishReason,
    stopString,
    promptTokens: prompt.length,
    completionTokens: predicted,
    timings: {
      promptTokens: prompt.length - cachedTokens,
      promptMs: decodeStart - promptStart,
      predictedTokens: predicted,
      predictedMs: performance.now() - decodeStart,
    },
  };
}
