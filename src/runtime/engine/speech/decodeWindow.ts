/** The transcript of one window: one token after the other, with the tests by which a bad one is tried again. */

import { OmniError } from "../../errors.ts";
import type { WhisperTokens } from "../../text/whisperTokens.ts";
import { randomBits, seedKey } from "../random.ts";
import { checkAborted } from "../types.ts";
import { compressionRatio } from "./compressionRatio.ts";
import { applyRules, logSumExp } from "./logitRules.ts";
import type { SpeechModel, SpeechTask } from "./types.ts";

/** Above this a text repeats itself. */
const maxCompressionRatio = 2.4;
/** Below this the model did not understand. */
export const minAverageLogprob = -1;
/** Above this, where the model did not understand, nothing was said. */
export const maxNoSpeech = 0.6;

export interface WindowRequest {
  /** What was said before, with its timestamps; its end is taken. */
  previous: readonly number[];
  /** A code; ignored by models that know English only. */
  language: string;
  task: SpeechTask;
  signal: AbortSignal | undefined;
}

export interface WindowResult {
  /** Text and timestamps, without the end. */
  tokens: number[];
  text: string;
  temperature: number;
  averageLogprob: number;
  noSpeechProbability: number;
  compressionRatio: number;
}

/** <|startoftranscript|>, language and task. */
export function startTokens(tokens: WhisperTokens, language: string, task: SpeechTask): number[] {
  const languageToken = tokens.languages.get(language);
  if (languageToken === undefined) return [tokens.start];
  return [tokens.start, languageToken, task === "translate" ? tokens.translate : tokens.transcribe];
}

/** The language of the window that was encoded last: the most probable after <|startoftranscript|>. */
export async function detectLanguage(model: SpeechModel, tokens: WhisperTokens): Promise<string> {
  const [logits] = await model.decode([tokens.start], 0, [0]);
  let best = "en";
  let largest = Number.NEGATIVE_INFINITY;
  for (const [code, token] of tokens.languages) {
    if (!(logits![token]! > largest)) continue;
    largest = logits![token]!;
    best = code;
  }
  return best;
}

/**
 * Decodes with one temperature after the other, until the result neither repeats itself nor is improbable, or nothing was
 * said. The last one stands. Source: `decode_with_fallback` in openai/whisper's transcribe.py.
 */
export async function decodeWithFallback(
  model: SpeechModel,
  tokens: WhisperTokens,
  request: WindowRequest,
  temperatures: readonly number[],
): Promise<WindowResult> {
  let result: WindowResult | undefined;
  for (const temperature of temperatures) {
    result = await decodeWindow(model, tokens, request, temperature);
    const improbable = result.averageLogprob < minAverageLogprob;
    const silent = improbable && result.noSpeechProbability > maxNoSpeech;
    if (silent || (!improbable && result.compressionRatio <= maxCompressionRatio)) break;
  }
  return result!;
}

/** Decodes the window that was encoded last. Source: `DecodingTask` in openai/whisper's decoding.py. */
export async function decodeWindow(
  model: SpeechModel,
  tokens: WhisperTokens,
  { previous, language, task, signal }: WindowRequest,
  temperature: number,
): Promise<WindowResult> {
  const { textContext } = model;
  const half = Math.floor(textContext / 2);
  const start = startTokens(tokens, language, task);
  const kept = previous.slice(Math.max(0, previous.length - (half - 1)));
  const prompt = kept.length > 0 ? [tokens.startOfPrevious, ...kept, ...start] : start;
  const startAt = prompt.length - start.length;
  const outputs = start.length > 1 ? [startAt, prompt.length - 1] : [startAt];
  const rows = await model.decode(prompt, 0, outputs);
  const noSpeechProbability = Math.exp(rows[0]![tokens.noSpeech]! - logSumExp(rows[0]!));
  let logits = rows.at(-1)!;

  const key = seedKey(Math.round(temperature * 1000));
  const sampled: number[] = [];
  let sumLogprob = 0;
  for (;;) {
    checkAborted(signal);
    applyRules(logits, sampled, tokens);
    const all = logSumExp(logits);
    if (!Number.isFinite(all))
      throw new OmniError("internal_error", "No token can be drawn: the model's logits are not finite.");
    const uniform = (randomBits(key, sampled.length) + 0.5) / 2 ** 32;
    const token = temperature === 0 ? argmax(logits) : draw(logits, temperature, uniform);
    sumLogprob += logits[token]! - all;
    if (token === tokens.end) break;
    sampled.push(token);
    const position = prompt.length + sampled.length - 1;
    if (sampled.length >= half || position >= textContext - 1) break;
    logits = (await model.decode([token], position, [0]))[0]!;
  }
  const text = tokens.tokenizer.decode(sampled.filter((token) => token < tokens.end)).trim();
  return {
    tokens: sampled,
    text,
    temperature,
    averageLogprob: sumLogprob / (sampled.length + 1),
    noSpeechProbability,
    compressionRatio: await compressionRatio(text),
  };
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}

/** Draws from softmax(logits / temperature). @param uniform in (0, 1) */
function draw(logits: Float32Array, temperature: number, uniform: number): number {
  const scaled = logits.map((value) => value / temperature);
  const all = logSumExp(scaled);
  let left = uniform;
  let last = 0;
  for (let i = 0; i < scaled.length; i++) {
    const probability = Math.exp(scaled[i]! - all);
    if (probability === 0) continue;
    last = i;
    left -= probability;
    if (left < 0) return i;
  }
  return last; // what rounding left over
}
