/**
 * A long recording, window by window: each starts where the last finished segment ended, and goes on from its text.
 * Source: `transcribe` in openai/whisper's transcribe.py. Unlike there, each window's spectrum is normalized by itself, as
 * a stream has no loudest moment; and two timestamps without time between them do not hold up the next window.
 */

import type { AudioWindow } from "../../media/audio/audioWindow.ts";
import { samplesPerPosition } from "../../models/whisper/encoder.ts";
import type { WhisperTokens } from "../../text/whisperTokens.ts";
import { checkAborted } from "../types.ts";
import {
  decodeWithFallback,
  detectLanguage,
  maxNoSpeech,
  minAverageLogprob,
  type WindowResult,
} from "./decodeWindow.ts";
import { cutSegments, roundSeconds, type WindowSegment } from "./segments.ts";
import type { SpeechModel, TranscriptionEvent, TranscriptionRequest, TranscriptSegment } from "./types.ts";
import { WordTimer } from "./wordTimings.ts";

const sampleRate = 16_000;
/** Windows start at multiples of this many samples: a frame of the spectrum, 0.01 s. */
const samplesPerFrame = 160;
/** Above this temperature a window's text is no guide for the next one. */
const maxPromptTemperature = 0.5;

export async function* transcribe(
  model: SpeechModel,
  tokens: WhisperTokens,
  audio: AudioWindow,
  request: Omit<TranscriptionRequest, "file">,
): AsyncGenerator<TranscriptionEvent, void, void> {
  const { task, temperatures, signal } = request;
  const { tokenizer, end } = tokens;
  const windowSamples = model.audioContext * samplesPerPosition;
  let language = tokens.languages.size === 0 ? "en" : request.language;
  let previous = request.prompt?.trim() ? tokenizer.encode(` ${request.prompt.trim()}`) : [];
  const timer = request.words ? new WordTimer(model, tokens) : undefined;
  let seek = 0;
  let id = 0;
  for (let first = true; ; first = false) {
    checkAborted(signal);
    const samples = await audio.read(seek, windowSamples);
    if (samples.length === 0 && !first) break;
    await model.encode(samples);
    language ??= await detectLanguage(model, tokens);
    if (first) yield { type: "language", language };
    const window = { previous, language, task, signal };
    const result = await decodeWithFallback(model, tokens, window, temperatures);
    const seconds = samples.length / sampleRate;
    if (isSilent(result)) {
      seek += Math.max(samples.length, samplesPerFrame);
      continue;
    }
    const { segments, advance, complete } = cutSegments(result.tokens, seconds, tokens);
    const startSeconds = seek / sampleRate;
    let next = advance;
    const timed = await timer?.time(segments, { language, task, seconds, startSeconds });
    if (timed && !complete && timed.lastWordEnd > startSeconds) next = timed.lastWordEnd - startSeconds;
    for (const [i, segment] of segments.entries()) {
      const found = segmentOf(segment, result);
      if (!found) continue;
      previous.push(...segment.tokens);
      yield { type: "segment", segment: { ...found, id: id++, words: timed?.words[i] } };
    }
    if (result.temperature > maxPromptTemperature) previous = [];
    // Only the end of it is ever taken.
    previous = previous.slice(-model.textContext);
    const frames = Math.round((next * sampleRate) / samplesPerFrame);
    const step = frames > 0 ? frames * samplesPerFrame : samples.length;
    seek += Math.max(samplesPerFrame, Math.min(step, Math.max(samples.length, samplesPerFrame)));
  }
  yield { type: "done", durationSeconds: audio.readSamples / sampleRate };

  function segmentOf({ start, end: endSeconds, tokens: own }: WindowSegment, result: WindowResult) {
    const text = tokenizer.decode(own.filter((token) => token < end));
    if (start === endSeconds || text.trim() === "") return undefined;
    const offset = seek / sampleRate;
    return {
      seek: Math.round(seek / samplesPerFrame),
      start: roundSeconds(offset + start),
      end: roundSeconds(offset + endSeconds),
      text,
      tokens: own,
      temperature: result.temperature,
      averageLogprob: result.averageLogprob,
      compressionRatio: result.compressionRatio,
      noSpeechProbability: result.noSpeechProbability,
    } satisfies Omit<TranscriptSegment, "id" | "words">;
  }
}

/** Whether nothing was said: the model says so, and is not sure of what it wrote all the same. */
function isSilent({ noSpeechProbability, averageLogprob }: WindowResult): boolean {
  return noSpeechProbability > maxNoSpeech && averageLogprob <= minAverageLogprob;
}
