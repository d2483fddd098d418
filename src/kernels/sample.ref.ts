/**
 * What `sample` computes, on the CPU and bit for bit: penalties, biases and the mask in f32, then weights as integers,
 * tokens in order, and sums of any size.
 */

import { exp2Coefficients, fractionBits, octaves, weightBits } from "./sampleLayout.ts";
import {
  hasPenalties,
  isGreedy,
  minPDistance,
  placeScale,
  type SampleParams,
  single,
  topPShare,
} from "./sampleParams.ts";

/** Logits from here on are as infinity; they are left alone. */
const huge = Math.fround(1e30);

export interface TokenHistory {
  prompt: ReadonlySet<number>;
  /** How often each token has been drawn. */
  drawn: ReadonlyMap<number, number>;
  /** Bit i % 32 of word i / 32: whether token i may be drawn; undefined allows all. */
  mask?: Uint32Array | undefined;
}

/** Logits (V) after penalties, bias and mask (NaN where that forbids a token). The input is left as it is. */
export function adjustedLogits(
  logits: Float32Array,
  params: SampleParams,
  { prompt, drawn, mask }: TokenHistory,
): Float32Array {
  if (!hasPenalties(params) && params.logitBias.size === 0 && !mask) return logits;
  const out = logits.slice();
  const change = (token: number, f: (logit: number) => number) => {
    if (token < out.length && Math.abs(out[token]!) < huge) out[token] = single(f(single(out[token]!)));
  };
  if (hasPenalties(params)) {
    const [repetition, inverse] = [single(params.repetitionPenalty), single(1 / params.repetitionPenalty)];
    const penalize = (token: number) => change(token, (l) => l * (l > 0 ? inverse : repetition));
    if (params.repetitionPenalty !== 1) for (const token of prompt) penalize(token);
    for (const token of drawn.keys())
      if (params.repetitionPenalty === 1 || !prompt.has(token)) penalize(token);
    for (const [token, count] of drawn) {
      const amount = single(count * single(params.frequencyPenalty));
      change(token, (l) => l - single(amount + single(params.presencePenalty)));
    }
  }
  for (const [token, bias] of params.logitBias) change(token, (l) => l + single(bias));
  if (mask) for (let i = 0; i < out.length; i++) if (!((mask[i >> 5]! >> (i & 31)) & 1)) out[i] = Number.NaN;
  return out;
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

function bitsOf(value: number): number {
  float[0] = value;
  return floatBits[0]!;
}

const whole = 2 ** fractionBits;

/** logit * scale in units of 2^-fractionBits, rounded towards zero; far away, floats are one whole apart each. */
function placeOf(logit: number, scale: number): number {
  const x = Math.abs(logit) < huge ? Math.fround(logit * scale) : logit * Number.POSITIVE_INFINITY;
  if (Math.abs(x) < 2 ** 30) return Math.trunc(x * whole);
  return Math.sign(x) * whole * (2 ** 30 + bitsOf(Math.abs(x)) - bitsOf(2 ** 30));
}

/** 2^(fraction / 2^fractionBits) in units of 2^(1 - bits). */
function weightOf(fraction: number, bits: number): number {
  const t = Math.floor(fraction / 2 ** (fractionBits - 16));
  let power = 0;
  for (let i = 3; i >= 0; i--) power = exp2Coefficients[i]! + Math.floor((power * t + 2 ** 15) / 2 ** 16);
  power = 2 ** 16 + Math.floor((power * t + 2 ** 15) / 2 ** 16);
  return Math.min(Math.floor(power / 2 ** (17 - bits) + 0.5), 2 ** bits - 1);
}

/** Tokens in the order of their places, equal ones by id, each as long as its weight. Sorted where it is looked at. */
class TokenLine {
  readonly count: number;
  readonly length: bigint;
  private readonly bits: number;
  private readonly places: Float64Array;
  private readonly best: number;
  /** What lies before each octave, in which places have the same whole part. */
  private readonly countsBefore = [0];
  private readonly lengthsBefore = [0n];

  constructor(logits: Float32Array, best: number, scale: number) {
    this.bits = weightBits(logits.length);
    this.best = placeOf(best, scale);
    this.places = Float64Array.from(logits, (logit) =>
      logit > Number.NEGATIVE_INFINITY ? placeOf(logit, scale) : Number.NEGATIVE_INFINITY,
    );
    const counts = new Array<number>(octaves).fill(0);
    const weights = new Array<number>(octaves).fill(0);
    for (const place of this.places) {
      const octave = this.octaveOf(place);
      if (octave >= octaves) continue;
      counts[octave]! += 1;
      weights[octave]! += this.weight(place);
    }
    for (let i = 0; i < octaves; i++) {
      this.countsBefore.push(this.countsBefore[i]! + counts[i]!);
      this.lengthsBefore.push(this.lengthsBefore[i]! + this.lengthOf(weights[i]!, i));
    }
    this.count = this.countsBefore[octaves]!;
    this.length = this.lengthsBefore[octaves]!;
  }

  tokenAt(point: bigint) {
    return this.first((_, length) => length > point);
  }

  nthToken(n: number) {
    return this.first((count) => count >= n);
  }

  /** How many tokens lie at most `distance` below the best. */
  countWithin(distance: number): number {
    let count = 0;
    for (const place of this.places)
      if (this.octaveOf(place) < octaves && this.best - place <= distance) count++;
    return count;
  }

  /** Below the best one's. */
  private octaveOf(place: number): number {
    return Math.floor(this.best / whole) - Math.floor(place / whole);
  }

  private weight(place: number): number {
    return weightOf(place - Math.floor(place / whole) * whole, this.bits);
  }

  private lengthOf(weights: number, octave: number): bigint {
    return BigInt(weights) << BigInt(octaves - 1 - octave);
  }

  /** The first token at which `isEnd` holds for the count and length of all up to it. */
  private first(isEnd: (count: number, length: bigint) => boolean) {
    const { places } = this;
    const octave = this.countsBefore.findIndex((_, i) =>
      isEnd(this.countsBefore[i + 1]!, this.lengthsBefore[i + 1]!),
    );
    const tokens: number[] = [];
    for (let i = 0; i < places.length; i++) if (this.octaveOf(places[i]!) === octave) tokens.push(i);
    tokens.sort((a, b) => places[b]! - places[a]! || a - b);
    let count = this.countsBefore[octave]!;
    let weights = 0;
    for (const token of tokens) {
      weights += this.weight(places[token]!);
      const length = this.lengthsBefore[octave]! + this.lengthOf(weights, octave);
      if (isEnd(++count, length)) return { token, count, length };
    }
    throw new Error("beyond the line");
  }
}

/**
 * The token for adjusted logits (V), which begin with min-p, then top-k, then top-p of what is left; undefined where
 * all are NaN or minus infinity.
 * @param random a u32
 */
export function sampleReference(
  logits: Float32Array,
  params: SampleParams,
  random: number,
): number | undefined {
  let best = -1;
  for (let i = 0; i < logits.length; i++)
    if (logits[i]! > (best < 0 ? Number.NEGATIVE_INFINITY : logits[best]!)) best = i;
  if (best < 0) return undefined;
  if (isGreedy(params)) return best;
  const line = new TokenLine(logits, logits[best]!, placeScale(params));
  const { topK, topP, minP } = params;
  let count = minP > 0 ? line.countWithin(minPDistance(params)) : line.count;
  if (topK > 0) count = Math.min(topK, count);
  let { length } = count === line.count ? line : line.nthToken(count);
  if (topP < 1) {
    const share = (length * BigInt(topPShare(params))) >> 32n;
    length = line.tokenAt(share > 0n ? share - 1n : 0n).length;
  }
  return line.tokenAt((length * BigInt(random)) >> 32n).token;
}
