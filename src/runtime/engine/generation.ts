/** One request from prompt to last token. */

import { OmniError } from "../errors.ts";
import type { Tokenizer } from "../text/types.ts";
import type { ModelRunner } from "./modelRunner.ts";
import type { CachedSequence } from "./pages.ts";
import { isPlainGreedy, Sampler, tokenLogprob } from "./sampler.ts";
import { StopText } from "./stopText.ts";
import type { FinishReason, GenerationEvent, GenerationRequest, TokenLogprob } from "./types.ts";

function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new OmniError("aborted", "The request was cancelled.");
}

/**
 * Generates on a sequence that may already hold the first tokens of the prompt. Every token that is computed is
 * appended to `sequence`, so that a later request can go on from it, also after a cancellation.
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
  const sampler = new Sampler(sampling, prompt);
  const wantsLogits = topLogprobs !== undefined || !isPlainGreedy(sampling);
  const promptStart = performance.now();

  // The last token's logits are needed in any case; log-probabilities of the prompt need all of them.
  const cachedTokens = request.promptLogprobs
    ? 0
    : Math.min(sequence.commonPrefix(prompt), prompt.length - 1);
  sequence.truncate(cachedTokens);
  const promptLogprobs: (TokenLogprob | null)[] | undefined = request.promptLogprobs ? [null] : undefined;
  let logits: Float32Array | undefined;
  let token: number | undefined;
  for (let start = cachedTokens; start < prompt.length; ) {
    checkAborted(signal);
    const chunkTokens = Math.min(
      runner.chunkSize.next,
      request.promptLogprobs ? runner.maxOutputs : Infinity,
    );
    const tokens = prompt.slice(start, start + chunkTokens);
    const isLast = start + tokens.length === prompt.length;
    sequence.append(tokens);
    const step = { sequence, tokens, start };
    const stepStart = performance.now();
    try {
      if (promptLogprobs) {
        const rows = await runner.logits({ ...step, outputRows: tokens.map((_, i) => i) });
        const vocab = rows.length / tokens.length;
        tokens.forEach((_, i) => {
          const row = rows.subarray(i * vocab, (i + 1) * vocab);
          const next = prompt[start + i + 1];
          if (next !== undefined) promptLogprobs.push(tokenLogprob(row, next, topLogprobs ?? 0));
          else logits = row;
        });
      } else if (isLast && mostTokens > 0) {
        const last = { ...step, outputRows: [tokens.length - 1] };
        if (wantsLogits) logits = await runner.logits(last);
        else token = await runner.best(last);
      } else {
        await runner.run({ ...step, outputRows: [] });
      }
    } catch (error) {
      sequence.truncate(start);
      throw error;
    }
    runner.chunkSize.observe(tokens.length, performance.now() - stepStart);
    start += tokens.length;
  }
  const decodeStart = performance.now();
  yield { type: "prompt", cachedTokens, logprobs: promptLogprobs };

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
  let text = "";
  while (predicted < mostTokens) {
    checkAborted(signal);
    if (predicted > 0) {
      const position = sequence.length;
      sequence.append([token!]);
      const step = { sequence, tokens: [token!], start: position, outputRows: [0] };
      try {
        if (wantsLogits) logits = await runner.logits(step);
        else token = await runner.best(step);
      } catch (error) {
        sequence.truncate(position);
        throw error;
      }
      checkAborted(signal);
    }
    if (wantsLogits || token === undefined) token = sampler.sample(logits!);
    predicted++;
    if (endTokens.has(token)) {
      finishReason = "stop";
      break;
    }
    const logprob = topLogprobs === undefined ? undefined : tokenLogprob(logits!, token, topLogprobs);
    const { text: certain, stop } = stopText.push(detokenizer.push(token));
    yield { type: "token", token, text: certain, logprob };
    if (stop !== undefined) {
      finishReason = "stop";
      stopString = stop;
      break;
    }
  }
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
