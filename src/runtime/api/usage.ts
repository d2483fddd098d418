/** Token counts as OpenAI reports them and timings as llama.cpp reports them, summed over a request's choices. */

import type { GenerationEvent, Timings } from "../engine/types.ts";

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number };
  /** Of chat answers. */
  completion_tokens_details?: { reasoning_tokens: number };
}

export interface TimingsBody {
  cache_n: number;
  prompt_n: number;
  prompt_ms: number;
  prompt_per_token_ms: number;
  prompt_per_second: number;
  predicted_n: number;
  predicted_ms: number;
  predicted_per_token_ms: number;
  predicted_per_second: number;
}

const ratio = (a: number, b: number) => (b > 0 ? a / b : 0);

export class Tally {
  /** Undefined where there is no such thing. */
  reasoningTokens: number | undefined;
  #promptTokens = 0;
  #cachedTokens = 0;
  #completionTokens = 0;
  #timings: Timings = { promptTokens: 0, promptMs: 0, predictedTokens: 0, predictedMs: 0 };

  /**
   * Counts one event. A prompt that is sampled from several times is counted once: `firstOfPrompt` says
   * whether this choice is the first that continues it.
   */
  add(event: GenerationEvent, firstOfPrompt: boolean): void {
    if (event.type === "prompt" && firstOfPrompt) this.#cachedTokens += event.cachedTokens;
    if (event.type !== "done") return;
    if (firstOfPrompt) this.#promptTokens += event.promptTokens;
    this.#completionTokens += event.completionTokens;
    for (const key of Object.keys(this.#timings) as (keyof Timings)[])
      this.#timings[key] += event.timings[key];
  }

  get usage(): Usage {
    return {
      prompt_tokens: this.#promptTokens,
      completion_tokens: this.#completionTokens,
      total_tokens: this.#promptTokens + this.#completionTokens,
      prompt_tokens_details: { cached_tokens: this.#cachedTokens },
      ...(this.reasoningTokens === undefined
        ? {}
        : { completion_tokens_details: { reasoning_tokens: this.reasoningTokens } }),
    };
  }

  get timings(): TimingsBody {
    const { promptTokens, promptMs, predictedTokens, predictedMs } = this.#timings;
    return {
      cache_n: this.#cachedTokens,
      prompt_n: promptTokens,
      prompt_ms: promptMs,
      prompt_per_token_ms: ratio(promptMs, promptTokens),
      prompt_per_second: ratio(promptTokens * 1000, promptMs),
      predicted_n: predictedTokens,
      predicted_ms: predictedMs,
      predicted_per_token_ms: ratio(predictedMs, predictedTokens),
      predicted_per_second: ratio(predictedTokens * 1000, predictedMs),
    };
  }
}
