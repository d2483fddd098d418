/** What a file is, by its first bytes; where they say nothing, by what it is called, so that the error fits. */

import type { AttachmentKind } from "../state/attachments.ts";

export interface FileKind {
  kind: Exclude<AttachmentKind, "frames">;
  /** Media type. */
  type: string;
}

/** Bytes that {@link fileKind} looks at. */
export const kindBytes = 16;

/**
 * Undefined: no picture, sound or video.
 * @param declared the type that the browser derived from the file's name
 */
export function fileKind(bytes: Uint8Array, declared: string): FileKind | undefined {
  const ascii = (start: number, end: number) => String.fromCharCode(...bytes.subarray(start, end));
  const wanted = declared.split("/", 1)[0];
  if (bytes[0] === 0x89 && ascii(1, 4) === "PNG") return { kind: "image", type: "image/png" };
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return { kind: "image", type: "image/jpeg" };
  if (ascii(0, 4) === "GIF8") return { kind: "image", type: "image/gif" };
  if (ascii(0, 4) === "RIFF" && ascii(8, 12) === "WEBP") return { kind: "image", type: "image/webp" };
  if (ascii(0, 4) === "RIFF" && ascii(8, 12) === "WAVE") return { kind: "audio", type: "audio/wav" };
  if (ascii(0, 4) === "fLaC") return { kind: "audio", type: "audio/flac" };
  if (ascii(0, 3) === "ID3" || isMp3Frame(bytes)) return { kind: "audio", type: "audio/mpeg" };
  // Containers of both: the name decides.
  if (ascii(0, 4) === "OggS")
    return wanted === "video" ? { kind: "video", type: "video/ogg" } : { kind: "audio", type: "audio/ogg" };
  if (bytes[0] === 0x1a && bytes[1] === 0x45 && bytes[2] === 0xdf && bytes[3] === 0xa3)
    return wanted === "audio" ? { kind: "audio", type: "audio/webm" } : { kind: "video", type: "video/webm" };
  if (ascii(4, 8) === "ftyp" && wanted !== "image" && !/^(hei|hev|mif|msf|avi)/.test(ascii(8, 11)))
    return ascii(8, 11) === "M4A" || wanted === "audio"
      ? { kind: "audio", type: "audio/mp4" }
      : { kind: "video", type: "video/mp4" };
  if (wanted === "image" || wanted === "audio" || wanted === "video") return { kind: wanted, type: declared };
  return undefined;
}

/** A frame header of MPEG audio, layer III. Source: ISO/IEC 11172-3, 2.4.1.3. */
function isMp3Frame(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe6) === 0xe2;
}

const formats: Record<string, string> = {
  "audio/wav": "wav",
  "audio/mpeg": "mp3",
  "audio/ogg": "ogg",
  "audio/webm": "webm",
  "audio/mp4": "m4a",
  "audio/flac": "flac",
};

/** What `input_audio.format` calls a media type; undefined where it has no name for it. */
export function audioFormat(type: string): string | undefined {
  return formats[type];
}
