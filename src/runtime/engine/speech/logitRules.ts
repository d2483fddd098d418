/**
 * Which tokens may come next in Whisper's transcripts: suppressed ones never; timestamps in pairs that do not go back.
 * Source: `SuppressBlank`, `SuppressTokens` and `ApplyTimestampRules` in openai/whisper's decoding.py; Radford et al. 2022,
 * arXiv:2212.04356, section 4.5.
 */

import { secondsPerTimestamp, type WhisperTokens } from "../../text/whisperTokens.ts";

/** The first timestamp of a window lies at most here. */
const maxInitialSeconds = 1;

/**
 * Sets the logits of tokens that may not come to -Infinity.
 * @param logits (V), changed
 * @param sampled what this window has brought so far
 */
export function applyRules(logits: Float32Array, sampled: readonly number[], tokens: WhisperTokens): void {
  const { end, noTimestamps, timestampBegin, suppressed, suppressedFirst } = tokens;
  const forbid = (from: number, to: number) => logits.fill(Number.NEGATIVE_INFINITY, from, to);
  for (const token of suppressed) forbid(token, token + 1);
  forbid(noTimestamps, noTimestamps + 1);
  if (sampled.length === 0) {
    for (const token of suppressedFirst) forbid(token, token + 1);
    // A window begins with a timestamp.
    forbid(0, timestampBegin);
    forbid(timestampBegin + Math.round(maxInitialSeconds / secondsPerTimestamp) + 1, logits.length);
    return;
  }
  const isTimestamp = (token: number | undefined) => token !== undefined && token >= timestampBegin;
  const lastIsOne = isTimestamp(sampled.at(-1));
  // The first timestamp opens a segment: it counts as the second of a pair.
  const isPair = lastIsOne && (sampled.length < 2 || isTimestamp(sampled.at(-2)));
  const last = sampled.findLast(isTimestamp);
  if (isPair) forbid(timestampBegin, logits.length);
  else if (lastIsOne) forbid(0, end);
  // A segment has a length, so after text the next timestamp is a later one; one that repeats it opens the next segment.
  if (last !== undefined) forbid(timestampBegin, lastIsOne && !isPair ? last : last + 1);
  if (timestampsPrevail(logits, timestampBegin)) forbid(0, timestampBegin);
}

/** Whether all timestamps together are more probable than the most probable other token. */
function timestampsPrevail(logits: Float32Array, timestampBegin: number): boolean {
  let text = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < timestampBegin; i++) text = Math.max(text, logits[i]!);
  return logSumExp(logits.subarray(timestampBegin)) > text;
}

/** log Σ exp(values), without overflow; -Infinity of nothing. */
export function logSumExp(values: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of values) largest = Math.max(largest, value);
  if (largest === Number.NEGATIVE_INFINITY) return largest;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}
