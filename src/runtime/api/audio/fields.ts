/** The fields of a transcription request, from its form. */

import type { SpeechTask } from "../../engine/speech/types.ts";
import { invalidRequest } from "../../errors.ts";
import { languageCode } from "../../text/whisperLanguages.ts";
import { checkModel, type SpeechContext } from "../context.ts";
import { boolean, decimal, type Json, list, oneOf, optional, string, unsupported } from "../fields.ts";
import { readForm } from "./form.ts";

const formats = ["json", "text", "srt", "verbose_json", "vtt"] as const;

export interface TranscriptionFields {
  file: Blob;
  /** A code; undefined: to be detected. */
  language: string | undefined;
  prompt: string | undefined;
  format: (typeof formats)[number];
  temperature: number;
  /** What `verbose_json` contains. */
  words: boolean;
  segments: boolean;
  stream: boolean;
}

/** @throws OmniError `invalid_request`, `not_found` naming the field */
export async function readTranscriptionFields(
  context: SpeechContext,
  request: Request,
  task: SpeechTask,
): Promise<TranscriptionFields> {
  const { file, values } = await readForm(request);
  checkModel(context, values);
  const format = optional(values, "response_format", oneOf(...formats)) ?? "json";
  const granularities = optional(values, "timestamp_granularities", list(oneOf("word", "segment"))) ?? [
    "segment",
  ];
  const stream = optional(values, "stream", boolean) ?? false;
  if (values.timestamp_granularities !== undefined && format !== "verbose_json")
    throw unsupported(
      "timestamp_granularities",
      "'timestamp_granularities' is only supported with 'response_format' verbose_json.",
    );
  if (stream && format !== "json" && format !== "text")
    throw unsupported("stream", `'stream' is not supported with 'response_format' ${format}.`);
  return {
    file,
    language: task === "translate" ? translatedFrom(context) : language(context, values),
    prompt: optional(values, "prompt", string),
    format,
    temperature: optional(values, "temperature", decimal(0, 1)) ?? 0,
    words: granularities.includes("word"),
    segments: granularities.includes("segment"),
    stream,
  };
}

/** The language that is translated is detected. */
function translatedFrom({ transcriber }: SpeechContext): undefined {
  if (transcriber.languages.size > 0) return undefined;
  throw unsupported("model", `The model '${transcriber.modelId}' knows English only and cannot translate.`);
}

function language({ transcriber }: SpeechContext, values: Json): string | undefined {
  const given = optional(values, "language", string);
  if (given === undefined || given.trim() === "") return undefined;
  const code = languageCode(given);
  const { languages, modelId } = transcriber;
  if (code !== undefined && (languages.has(code) || (languages.size === 0 && code === "en"))) return code;
  if (code !== undefined)
    throw unsupported("language", `The model '${modelId}' does not know the language '${code}'.`);
  const shown = given.length > 40 ? `${given.slice(0, 40)}…` : given;
  throw invalidRequest(
    `Invalid language '${shown}'. Language parameter must be specified in ISO-639-1 format.`,
    "language",
    "invalid_value",
  );
}
