/** What a file's first bytes say of it: whether it is a video that is taken, and if not, what it is. */

import { invalidRequest, type OmniError } from "../../errors.ts";
import { namedText } from "../notMedia.ts";
import type { VideoLimits } from "./videoLimits.ts";

const taken = "MP4, QuickTime, WebM and Matroska are taken.";

export function badVideo(message: string): OmniError {
  return invalidRequest(message, "video_url", "invalid_video");
}

/**
 * Refuses what is empty, too large, or no video that is taken.
 * @throws OmniError `invalid_request` (code `invalid_video`)
 */
export async function sniffVideo(file: Blob, { maxBytes }: Pick<VideoLimits, "maxBytes">): Promise<void> {
  if (file.size === 0) throw badVideo("The video is empty (0 bytes).");
  if (file.size > maxBytes)
    throw badVideo(`The video has ${file.size} bytes; at most ${maxBytes} are taken.`);
  const bytes = new Uint8Array(await file.slice(0, 1024).arrayBuffer());
  const ascii = (start: number, length: number) =>
    String.fromCharCode(...bytes.subarray(start, start + length));
  if (isMatroska(bytes)) return;
  const other = otherKind(bytes, ascii);
  if (other) throw badVideo(`The file is ${other}. ${taken}`);
  if (isQuickTime(ascii)) return;
  throw badVideo(namedText(bytes, "a video") ?? `The file is no video that is known. ${taken}`);
}

/** The ID of the EBML header. Source: RFC 8794, 11.2.1. */
const isMatroska = (bytes: Uint8Array) =>
  bytes[0] === 0x1a && bytes[1] === 0x45 && bytes[2] === 0xdf && bytes[3] === 0xa3;

/** Boxes that MP4 and QuickTime files begin with. Source: ISO/IEC 14496-12; Apple, "QuickTime File Format". */
const isQuickTime = (ascii: (start: number, length: number) => string) =>
  ["ftyp", "styp", "moov", "moof", "mdat", "free", "skip", "wide", "pnot"].includes(ascii(4, 4));

/** Kinds that people take for videos, or send as such, by their first bytes. */
function otherKind(bytes: Uint8Array, ascii: (start: number, length: number) => string): string | undefined {
  const riff = ascii(0, 4) === "RIFF" ? ascii(8, 4) : "";
  if (riff === "AVI ") return "an AVI video, which browsers do not decode: please convert it";
  if (riff === "WAVE") return "audio (WAV), not a video";
  if (riff === "WEBP") return "a WebP picture, not a video";
  if (ascii(0, 3) === "FLV") return "a Flash video, which browsers do not decode: please convert it";
  // Source: Microsoft, "Advanced Systems Format Specification", 10.1, the first bytes of the header object's GUID.
  if (bytes[0] === 0x30 && bytes[1] === 0x26 && bytes[2] === 0xb2 && bytes[3] === 0x75)
    return "a Windows Media video, which browsers do not decode: please convert it";
  if (ascii(0, 4) === "OggS") return "in the Ogg format, whose videos are not taken";
  // Source: ISO/IEC 13818-1: packets of 188 bytes that begin with 0x47; the start code of a program stream's pack.
  if (bytes[0] === 0x47 && bytes[188] === 0x47) return "an MPEG transport stream: please convert it";
  if (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 1 && bytes[3] === 0xba)
    return "an MPEG program stream: please convert it";
  if (/^GIF8[79]a/.test(ascii(0, 6))) return "a GIF: please send it as a picture";
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return "a JPEG picture, not a video";
  if (bytes[0] === 0x89 && ascii(1, 3) === "PNG") return "a PNG picture, not a video";
  if (ascii(0, 3) === "ID3") return "audio (MP3), not a video";
  if (ascii(0, 4) === "fLaC") return "audio (FLAC), not a video";
  if (ascii(4, 4) !== "ftyp") return undefined;
  const brand = ascii(8, 4);
  if (/^(hei|hev|mif|msf)/.test(brand)) return "a HEIF picture, not a video";
  if (brand.startsWith("avi")) return "an AVIF picture, not a video";
  return undefined;
}
