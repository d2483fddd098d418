/**
 * Draws the next token from logits on the CPU; {@link GpuSampler} draws the same. Order, as in vLLM: repetition, frequency
 * and presence penalties, logit bias, mask, temperature, then min-p, top-k and top-p on the same distribution.
 */

import { adjustedLogits, sampleReference } from "../../kernels/sample.ref.ts";
import { hasPenalties, isGreedy } from "../../kernels/sampleParams.ts";
import { OmniError } from "../errors.ts";
import { randomBits, randomSeed, seedKey } from "./random.ts";
import type { SamplingParams, TokenLogprob } from "./types.ts";

/** Whether the argmax of the plain logits is the answer, so that they need not leave the GPU. */
export function isPlainGreedy(params: SamplingParams): boolean {
  return isGreedy(params) && !hasPenalties(params) && params.logitBias.size === 0;
}

/** Where the mask leaves no token, or no logit is a number. */
export function noTokenError(): OmniError {
  return new OmniError(
    "internal_error",
    "No token can be drawn: none is allowed here, or the model's logits are not finite.",
    { param: "logits" },
  );
}

/** One request's sampler: its parameters, its seed, and how often each token has come up. */
export class Sampler {
  private readonly key: number;
  private draws = 0;
  private readonly promptTokens: ReadonlySet<number>;
  private readonly outputCounts = new Map<number, number>();

  /** @param drawn tokens that this request has drawn before */
  constructor(
    private readonly params: SamplingParams,
    promptTokens: readonly number[],
    drawn: readonly number[] = [],
  ) {
    this.key = seedKey(params.seed ?? randomSeed());
    this.promptTokens = new Set(promptTokens);
    for (const token of drawn) this.count(token);
  }

  /**
   * The next token for these logits (V). Counts it as drawn. The logits are left as they are.
   * @param mask the tokens that may be drawn, a bit each
   * @throws OmniError `internal_error` where there is none
   */
  sample(logits: Float32Array, mask?: Uint32Array): number {
    const history = { prompt: this.promptTokens, drawn: this.outputCounts, mask };
    const adjusted = adjustedLogits(logits, this.params, history);
    const token = sampleReference(adjusted, this.params, randomBits(this.key, this.draws));
    if (token === undefined) throw noTokenError();
    this.count(token);
    return token;
  }

  private count(token: number): void {
    this.outputCounts.set(token, (this.outputCounts.get(token) ?? 0) + 1);
    this.draws++;
  }
}

/** The largest values, best first and equal ones by index; never NaN or minus infinity. */
function largest(values: Float32Array, count: number): number[] {
  const best: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length && count > 0; i++) {
    const value = values[i]!;
    if (!(value > least)) continue;
    let at = best.length;
    while (at > 0 && values[best[at - 1]!]! < value) at--;
    best.splice(at, 0, i);
    best.length = Math.min(best.length, count);
    if (best.length === count) least = values[best[count - 1]!]!;
  }
  return best;
}

/** Natural-log probabilities of `token` and of the `top` most probable ones under softmax(logits). */
export function tokenLogprob(logits: Float32Array, token: number, top: number): TokenLogprob {
  const best = logits[largest(logits, 1)[0]!]!;
  let sum = 0;
  for (const logit of logits) sum += logit === best ? 1 : Math.exp(logit - best) || 0;
  const logprob = (id: number) => logprobOf(logits[id]!, best, sum);
  return {
    token,
    logprob: logprob(token),
    top: largest(logits, top).map((id) => ({ token: id, logprob: logprob(id) })),
  };
}

/** Of a logit, by the largest one and the sum of exp relative to that. */
export function logprobOf(logit: number, best: number, sum: number): number {
  return (logit === best ? 0 : logit - best) - Math.log(sum);
}
