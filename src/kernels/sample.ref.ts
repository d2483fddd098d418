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

interface Place {
  octave: number;
  /** Below 2^fractionBits. */
  fraction: number;
}

const bitsOf = new Float32Array(1);
const words = new Uint32Array(bitsOf.buffer);

/** logit * scale as a whole part and a fraction, rounded towards zero; far away, floats are one whole apart each. */
function placeOf(logit: number, scale: number): Place {
  const x = Math.abs(logit) < huge ? Math.fround(logit * scale) : logit * Number.POSITIVE_INFINITY;
  if (Math.abs(x) < 2 ** 30) {
    const place = Math.trunc(x * 2 ** fractionBits);
    const octave = Math.floor(place / 2 ** fractionBits);
    return { octave, fraction: place - octave * 2 ** fractionBits };
  }
  bitsOf[0] = Math.abs(x);
  const distance = words[0]!;
  bitsOf[0] = 2 ** 30;
  return { octave: Math.sign(x) * (2 ** 30 + distance - words[0]!), fraction: 0 };
}

/** 2^(fraction / 2^fractionBits) in units of 2^(1 - bits). */
function weightOf(fraction: number, bits: number): number {
  const t = Math.floor(fraction / 2 ** (fractionBits - 16));
  let power = 0;
  for (const coefficient of [...exp2Coefficients].reverse())
    power = coefficient + Math.floor((power * t + 2 ** 15) / 2 ** 16);
  power = 2 ** 16 + Math.floor((power * t + 2 ** 15) / 2 ** 16);
  return Math.min(Math.floor(power / 2 ** (17 - bits) + 0.5), 2 ** bits - 1);
}

interface Entry {
  token: number;
  fraction: number;
  weight: number;
}

/** The tokens of an octave, and what lies before it. */
interface Octave {
  entries: Entry[];
  isSorted: boolean;
  countBefore: number;
  lengthBefore: bigint;
  /** Powers of two to multiply weights by. */
  shift: bigint;
}

/** Tokens in the order of their places, equal ones by id, each as long as its weight. Sorted where it is looked at. */
class TokenLine {
  readonly count: number;
  readonly length: bigint;
  private readonly octaves: Octave[];
  private readonly best: Place;

  constructor(logits: Float32Array, best: number, scale: number) {
    const bits = weightBits(logits.length);
    this.best = placeOf(best, scale);
    this.octaves = Array.from({ length: octaves }, (_, i) => ({
      entries: [],
      isSorted: false,
      countBefore: 0,
      lengthBefore: 0n,
      shift: BigInt(octaves - 1 - i),
    }));
    logits.forEach((logit, token) => {
      if (!(logit > Number.NEGATIVE_INFINITY)) return;
      const { octave, fraction } = placeOf(logit, scale);
      this.octaves[this.best.octave - octave]?.entries.push({
        token,
        fraction,
        weight: weightOf(fraction, bits),
      });
    });
    let count = 0;
    let length = 0n;
    for (const octave of this.octaves) {
      octave.countBefore = count;
      octave.lengthBefore = length;
      count += octave.entries.length;
      length += BigInt(octave.entries.reduce((sum, { weight }) => sum + weight, 0)) << octave.shift;
    }
    this.count = count;
    this.length = length;
  }

  /** Goes through the octave that holds the end, to the first token where `isEnd(count, length)`, itself included. */
  private first(isEnd: (count: number, length: bigint) => boolean) {
    for (const [i, octave] of this.octaves.entries()) {
      const next = this.octaves[i + 1];
      if (next && !isEnd(next.countBefore, next.lengthBefore)) continue;
      if (!octave.isSorted) octave.entries.sort((a, b) => b.fraction - a.fraction || a.token - b.token);
      octave.isSorted = true;
      let count = octave.countBefore;
      let weights = 0;
      for (const { token, weight } of octave.entries) {
        weights += weight;
        const length = octave.lengthBefore + (BigInt(weights) << octave.shift);
        if (isEnd(++count, length)) return { token, count, length };
      }
    }
    throw new Error("beyond the line");
  }

  tokenAt(point: bigint) {
    return this.first((_, length) => length > point);
  }

  nthToken(n: number) {
    return this.first((count) => count >= n);
  }

  /** How many tokens lie at most `distance` below the best. */
  countWithin(distance: number): number {
    const whole = 2 ** fractionBits;
    let count = 0;
    for (const [i, { entries }] of this.octaves.entries())
      for (const { fraction } of entries) if (i * whole + this.best.fraction - fraction <= distance) count++;
    return count;
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
