/**
 * Draws the next token from logits on the CPU. Order, as in vLLM: repetition, frequency and presence penalties,
 * logit bias, temperature, then min-p, top-k and top-p on the same distribution.
 */

import { randomSeed, uniform } from "./random.ts";
import type { SamplingParams, TokenLogprob } from "./types.ts";

/** Whether the argmax of the plain logits is the answer, so that they need not leave the GPU. */
export function isPlainGreedy(p: SamplingParams): boolean {
  return (
    p.temperature === 0 &&
    p.repetitionPenalty === 1 &&
    p.frequencyPenalty === 0 &&
    p.presencePenalty === 0 &&
    p.logitBias.size === 0
  );
}

/** One request's sampler: its parameters, its seed, and how often each token has come up. */
export class Sampler {
  private readonly seed: number;
  private draws = 0;
  private readonly promptTokens: ReadonlySet<number>;
  private readonly outputCounts = new Map<number, number>();

  constructor(
    private readonly params: SamplingParams,
    promptTokens: readonly number[],
    /** Tokens that have been drawn already, where the request goes on. */
    drawn: readonly number[] = [],
  ) {
    this.seed = params.seed ?? randomSeed();
    for (const token of drawn) this.count(token);
    this.promptTokens = new Set(params.repetitionPenalty === 1 ? [] : promptTokens);
  }

  /**
   * The next token for these logits (V). Counts it as drawn. The logits are left as they are.
   * @param allowed the tokens that may be drawn, a bit each (ceil(V/32)); undefined: all
   */
  sample(logits: Float32Array, allowed?: Uint32Array): number {
    const penalized = this.adjust(logits);
    const adjusted = allowed ? masked(penalized, allowed) : penalized;
    const token = this.params.temperature === 0 ? argmax(adjusted) : this.draw(adjusted);
    this.count(token);
    return token;
  }

  private count(token: number): void {
    this.outputCounts.set(token, (this.outputCounts.get(token) ?? 0) + 1);
    this.draws++;
  }

  /** Logits after penalties and bias. */
  private adjust(logits: Float32Array): Float32Array {
    const { repetitionPenalty, frequencyPenalty, presencePenalty, logitBias } = this.params;
    if (repetitionPenalty === 1 && frequencyPenalty === 0 && presencePenalty === 0 && logitBias.size === 0)
      return logits;
    const out = logits.slice();
    if (repetitionPenalty !== 1) {
      const penalize = (token: number) => {
        const value = out[token];
        if (value !== undefined)
          out[token] = value > 0 ? value / repetitionPenalty : value * repetitionPenalty;
      };
      for (const token of this.promptTokens) penalize(token);
      for (const token of this.outputCounts.keys()) if (!this.promptTokens.has(token)) penalize(token);
    }
    for (const [token, count] of this.outputCounts)
      if (token < out.length) out[token]! -= count * frequencyPenalty + presencePenalty;
    for (const [token, bias] of logitBias) if (token < out.length) out[token]! += bias;
    return out;
  }

  private draw(logits: Float32Array): number {
    const { temperature, topK, topP, minP } = this.params;
    const best = logits[argmax(logits)]!;
    const weight = (token: number) => relative(logits[token]!, best, temperature);
    const point = uniform(this.seed, this.draws);
    if (topK === 0 && topP >= 1 && minP <= 0) return pick(logits.length, (i) => i, weight, point);

    // min-p and top-k first; top-p is a share of what they leave.
    let candidates: number[];
    if (topK > 0) {
      candidates = mostProbable(logits, best, temperature, topK, Number.POSITIVE_INFINITY, minP);
      if (topP < 1) candidates = nucleus(candidates, weight, topP);
    } else {
      let total = 0;
      for (let id = 0; id < logits.length; id++) {
        const w = weight(id);
        if (w >= minP) total += w;
      }
      const mass = topP < 1 ? topP * total : Number.POSITIVE_INFINITY;
      candidates = mostProbable(logits, best, temperature, logits.length, mass, minP);
    }
    return pick(candidates.length, (i) => candidates[i]!, weight, point);
  }
}

/** The logits with those of other tokens at minus infinity. */
function masked(logits: Float32Array, allowed: Uint32Array): Float32Array {
  const out = new Float32Array(logits.length).fill(Number.NEGATIVE_INFINITY);
  for (let word = 0; word < allowed.length; word++) {
    const first = word * 32;
    for (let bits = allowed[word]!; bits !== 0; bits &= bits - 1) {
      const token = first + 31 - Math.clz32(bits & -bits);
      if (token < out.length) out[token] = logits[token]!;
    }
  }
  return out;
}

/** The token at which the running sum of weights passes `point` (0 to 1) of their total. */
function pick(
  count: number,
  token: (index: number) => number,
  weight: (token: number) => number,
  point: number,
): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += weight(token(i));
  let rest = point * total;
  let last = token(0);
  for (let i = 0; i < count; i++) {
    const w = weight(token(i));
    if (w === 0) continue;
    last = token(i);
    rest -= w;
    if (rest < 0) break;
  }
  return last;
}

/** The first of these sorted tokens whose weights reach a share of their total. */
function nucleus(sorted: number[], weight: (token: number) => number, share: number): number[] {
  let total = 0;
  for (const token of sorted) total += weight(token);
  let sum = 0;
  const end = sorted.findIndex((token) => {
    sum += weight(token);
    return sum >= share * total;
  });
  return end < 0 ? sorted : sorted.slice(0, end + 1);
}

function relative(logit: number, best: number, temperature: number): number {
  return logit === best ? 1 : Math.exp((logit - best) / temperature);
}

/**
 * The most probable tokens, best first and equal ones by id: at least `floor` as probable as the best, at most `limit`
 * of them, and no more than are needed to reach `mass` (probabilities relative to the best one). A window below the
 * best logit is widened until it holds enough, so that a large vocabulary is not sorted whole.
 */
function mostProbable(
  logits: Float32Array,
  best: number,
  temperature: number,
  limit: number,
  mass: number,
  floor: number,
): number[] {
  if (limit === 0) return [];
  for (let window = 8 * temperature; ; window *= 4) {
    const lowest = best - window;
    const tokens: number[] = [];
    let complete = true;
    for (let id = 0; id < logits.length; id++) {
      if (logits[id]! >= lowest) tokens.push(id);
      else if (logits[id]! > Number.NEGATIVE_INFINITY) complete = false;
    }
    tokens.sort((a, b) => logits[b]! - logits[a]! || a - b);
    let sum = 0;
    for (let i = 0; i < tokens.length; i++) {
      const weight = relative(logits[tokens[i]!]!, best, temperature);
      if (i > 0 && weight < floor) return tokens.slice(0, i);
      sum += weight;
      if (i + 1 === limit || sum >= mass) return tokens.slice(0, i + 1);
    }
    if (complete || Math.exp(-window / temperature) < floor) return tokens;
  }
}

/** Index of the largest value; the lowest on ties; NaN never wins. */
export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++)
    if (values[i]! > values[best]! || Number.isNaN(values[best]!)) best = i;
  return best;
}

/** Natural-log probabilities of `token` and of the `top` most probable ones under softmax(logits). */
export function tokenLogprob(logits: Float32Array, token: number, top: number): TokenLogprob {
  const best = logits[argmax(logits)]!;
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - best);
  const logTotal = best + Math.log(total);
  const chosen = mostProbable(logits, best, 1, top, Number.POSITIVE_INFINITY, 0);
  return {
    token,
    logprob: logits[token]! - logTotal,
    top: chosen.map((id) => ({ token: id, logprob: logits[id]! - logTotal })),
  };
}
