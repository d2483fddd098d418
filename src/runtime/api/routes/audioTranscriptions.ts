/**
 * `POST /v1/audio/transcriptions` and `/v1/audio/translations`: what was said in a file, whole or as it is found.
 *
 * Where it differs from OpenAI's: the answer is streamed by segments, as a window that turns out badly is decoded again;
 * `temperature` 0, the default, tries higher ones then, as there, and any other is the only one.
 */

import type { TranscriptionRequest, TranscriptSegment } from "../../engine/speech/types.ts";
import { languageName } from "../../text/whisperLanguages.ts";
import { readTranscriptionFields, type TranscriptionFields } from "../audio/fields.ts";
import { subRip, webVtt } from "../audio/subtitles.ts";
import { follow } from "../choices.ts";
import type { SpeechContext } from "../context.ts";
import { jsonResponse } from "../http.ts";
import { eventStream } from "../sse.ts";

export function transcriptions(context: SpeechContext, request: Request): Promise<Response> {
  return answer(context, request, "transcribe");
}

/** To English. */
export function translations(context: SpeechContext, request: Request): Promise<Response> {
  return answer(context, request, "translate");
}

/** Tried in turn, where a request does not choose. */
const temperatures = [0, 0.2, 0.4, 0.6, 0.8, 1];

async function answer(
  context: SpeechContext,
  request: Request,
  task: TranscriptionRequest["task"],
): Promise<Response> {
  const fields = await readTranscriptionFields(context, request, task);
  const abort = follow(request.signal);
  const run: TranscriptionRequest = {
    ...{ file: fields.file, task, language: fields.language, prompt: fields.prompt },
    temperatures: fields.temperature > 0 ? [fields.temperature] : temperatures,
    words: fields.words,
    signal: abort.signal,
  };
  if (fields.stream) return eventStream(events(context, run), abort);
  return formatted(await whole(context, run), fields, task);
}

interface Transcript {
  language: string;
  segments: TranscriptSegment[];
  text: string;
  durationSeconds: number;
}

async function whole({ transcriber }: SpeechContext, request: TranscriptionRequest): Promise<Transcript> {
  const transcript: Transcript = { language: "en", segments: [], text: "", durationSeconds: 0 };
  for await (const event of transcriber.transcribe(request)) {
    if (event.type === "language") transcript.language = event.language;
    else if (event.type === "done") transcript.durationSeconds = event.durationSeconds;
    else transcript.segments.push(event.segment);
  }
  transcript.text = textOf(transcript.segments);
  return transcript;
}

const textOf = (segments: readonly TranscriptSegment[]) =>
  segments
    .map(({ text }) => text)
    .join("")
    .trim();

/** OpenAI counts begun seconds. */
const usage = (durationSeconds: number) => ({ type: "duration", seconds: Math.ceil(durationSeconds) });

function formatted(transcript: Transcript, fields: TranscriptionFields, task: string): Response {
  const { language, segments, text, durationSeconds } = transcript;
  switch (fields.format) {
    case "json":
      return jsonResponse({ text, usage: usage(durationSeconds) });
    case "text":
      return plain(`${text}\n`, "text/plain");
    case "srt":
      return plain(subRip(segments), "text/plain");
    case "vtt":
      return plain(webVtt(segments), "text/vtt");
    case "verbose_json":
      return jsonResponse({
        task,
        language: languageName(language),
        duration: Math.round(durationSeconds * 100) / 100,
        text,
        ...(fields.words && { words: segments.flatMap(wordsOf) }),
        ...(fields.segments && { segments: segments.map(segmentBody) }),
        usage: usage(durationSeconds),
      });
  }
}

function plain(text: string, type: string): Response {
  return new Response(text, { headers: { "content-type": `${type}; charset=utf-8` } });
}

function wordsOf({ words = [] }: TranscriptSegment) {
  return words.map(({ word, start, end }) => ({ word: word.trim(), start, end }));
}

function segmentBody(segment: TranscriptSegment) {
  return {
    ...{ id: segment.id, seek: segment.seek, start: segment.start, end: segment.end },
    ...{ text: segment.text, tokens: segment.tokens, temperature: segment.temperature },
    avg_logprob: segment.averageLogprob,
    compression_ratio: segment.compressionRatio,
    no_speech_prob: segment.noSpeechProbability,
  };
}

/** OpenAI's events: text as it is found, then all of it. */
async function* events({ transcriber }: SpeechContext, request: TranscriptionRequest) {
  let text = "";
  for await (const event of transcriber.transcribe(request)) {
    if (event.type === "segment") {
      const delta = text === "" ? event.segment.text.trimStart() : event.segment.text;
      text += delta;
      if (delta !== "") yield { type: "transcript.text.delta", delta };
    } else if (event.type === "done")
      yield { type: "transcript.text.done", text: text.trim(), usage: usage(event.durationSeconds) };
  }
}
