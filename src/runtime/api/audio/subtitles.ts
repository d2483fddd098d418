/** Segments as subtitles. Formats: SubRip, and WebVTT (W3C). */

import type { TranscriptSegment } from "../../engine/speech/types.ts";

type Cue = Pick<TranscriptSegment, "start" | "end" | "text">;

/** `HH:MM:SS` and milliseconds. */
function time(seconds: number, point: "," | "."): string {
  const ms = Math.round(seconds * 1000);
  const digits = (value: number, count: number) => String(Math.floor(value)).padStart(count, "0");
  const clock = [ms / 3_600_000, (ms / 60_000) % 60, (ms / 1000) % 60]
    .map((value) => digits(value, 2))
    .join(":");
  return `${clock}${point}${digits(ms % 1000, 3)}`;
}

/** An arrow would end a cue's text; a model may write one. */
const cueText = ({ text }: Cue) =>
  text
    .trim()
    .replaceAll("-->", "->")
    .replaceAll(/\n{2,}/g, "\n");

const span = ({ start, end }: Cue, point: "," | ".") => `${time(start, point)} --> ${time(end, point)}`;

export function subRip(cues: readonly Cue[]): string {
  return cues.map((cue, i) => `${i + 1}\n${span(cue, ",")}\n${cueText(cue)}\n\n`).join("");
}

export function webVtt(cues: readonly Cue[]): string {
  const escaped = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `WEBVTT\n\n${cues.map((cue) => `${span(cue, ".")}\n${escaped(cueText(cue))}\n\n`).join("")}`;
}
