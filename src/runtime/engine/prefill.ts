/** Computes a prompt in steps that leave room for painting and for cancelling. */

import type { ModelRunner } from "./modelRunner.ts";
import type { CachedSequence } from "./pages.ts";
import { tokenLogprob } from "./sampler.ts";
import { checkAborted, type GenerationRequest, type TokenLogprob } from "./types.ts";

/** What comes out of the last prompt token, as far as it was asked for. */
export interface PromptEnd {
  cachedTokens: number;
  /** The prompt's own log-probabilities; the first token has none. */
  logprobs: (TokenLogprob | null)[] | undefined;
  /** Logits of the first new token. */
  logits: Float32Array | undefined;
  /** The most probable first new token, which is on the GPU, too. */
  best: number | undefined;
}

/**
 * Computes what `sequence` does not hold yet of the prompt, at least its last token.
 * @param wants of the first new token: its logits, the most probable token, or nothing
 */
export async function prefill(
  request: GenerationRequest,
  runner: ModelRunner,
  sequence: CachedSequence,
  wants: "logits" | "best" | "nothing",
): Promise<PromptEnd> {
  const { promptTokens: prompt, signal, topLogprobs } = request;
  // Log-probabilities of the prompt need every token's logits.
  const cachedTokens = request.promptLogprobs
    ? 0
    : Math.min(sequence.commonPrefix(prompt), prompt.length - 1);
  sequence.truncate(cachedTokens);
  const logprobs: (TokenLogprob | null)[] | undefined = request.promptLogprobs ? [null] : undefined;
  const most = logprobs ? runner.maxOutputs : Number.POSITIVE_INFINITY;
  let logits: Float32Array | undefined;
  let best: number | undefined;
  for (let start = cachedTokens; start < prompt.length; ) {
    checkAborted(signal);
    const tokens = prompt.slice(start, start + Math.min(runner.chunkSize.next, most));
    const isLast = start + tokens.length === prompt.length;
    sequence.append(tokens);
    const step = { sequence, tokens, start };
    const last = { ...step, outputRows: [tokens.length - 1] };
    const stepStart = performance.now();
    try {
      if (logprobs) {
        const rows = await runner.logits({ ...step, outputRows: tokens.map((_, i) => i) });
        const vocab = rows.length / tokens.length;
        tokens.forEach((_, i) => {
          const row = rows.subarray(i * vocab, (i + 1) * vocab);
          const next = prompt[start + i + 1];
          if (next !== undefined) logprobs.push(tokenLogprob(row, next, topLogprobs ?? 0));
          else logits = row;
        });
      } else if (isLast && wants === "logits") logits = await runner.logits(last);
      else if (isLast && wants === "best") best = await runner.best(last);
      else await runner.run({ ...step, outputRows: [] });
    } catch (error) {
      sequence.truncate(start);
      throw error;
    }
    runner.chunkSize.observe(tokens.length, performance.now() - stepStart);
    start += tokens.length;
  }
  return { cachedTokens, logprobs, logits, best };
}
