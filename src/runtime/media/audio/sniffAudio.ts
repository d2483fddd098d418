/** What a file shows at its beginning that says why it cannot be decoded, better than a decoder would. */

import { invalidRequest, type OmniError } from "../../errors.ts";
import { namedText } from "../notMedia.ts";
import type { AudioLimits } from "./audioLimits.ts";

/** Bytes that {@link sniffAudio} looks at; headers of WAV files are mostly 44 bytes long. */
const sniffedBytes = 64 * 1024;

export function badAudio(message: string): OmniError {
  return invalidRequest(message, "file", "invalid_audio");
}

/**
 * Refuses what is empty, too large, no audio by its first bytes, or a WAV file that ends before its samples do.
 * @returns the file, or one like it whose header says how long it is
 * @throws OmniError `invalid_request` with the param `file`
 */
export async function sniffAudio(file: Blob, { maxBytes }: AudioLimits): Promise<Blob> {
  if (file.size === 0) throw badAudio("The audio file is empty (0 bytes).");
  if (file.size > maxBytes)
    throw badAudio(`The audio file has ${file.size} bytes; at most ${maxBytes} are taken.`);
  const bytes = new Uint8Array(await file.slice(0, sniffedBytes).arrayBuffer());
  const text = namedText(bytes, "audio");
  if (text) throw badAudio(text);
  const riff = String.fromCharCode(...bytes.subarray(0, 4));
  if (riff !== "RIFF" && riff !== "RIFX") return file;
  const samplesAt = checkWave(bytes, file.size, riff === "RIFF");
  return samplesAt === undefined ? file : withLength(file, bytes.slice(0, samplesAt), riff === "RIFF");
}

/** Writers that cannot go back leave 0 or the largest number for a length: the samples go to the file's end. */
const isUnknown = (sizeBytes: number) => sizeBytes === 0 || sizeBytes >= 0x7fff_0000;

/** @param header ends where the samples start */
function withLength(file: Blob, header: Uint8Array<ArrayBuffer>, littleEndian: boolean): Blob {
  const view = new DataView(header.buffer);
  view.setUint32(4, file.size - 8, littleEndian);
  view.setUint32(header.length - 4, file.size - header.length, littleEndian);
  return new Blob([header, file.slice(header.length)]);
}

/**
 * Where the samples start, if the header does not say how many there are.
 * Format: Microsoft and IBM 1991, "Multimedia Programming Interface and Data Specifications 1.0", chunks of RIFF files.
 */
function checkWave(bytes: Uint8Array, fileBytes: number, littleEndian: boolean): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12) throw badAudio(`The WAV file ends at byte ${fileBytes}, inside its header.`);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = String.fromCharCode(...bytes.subarray(at, at + 4));
    const sizeBytes = view.getUint32(at + 4, littleEndian);
    const start = at + 8;
    if (id === "fmt " && start + 16 <= bytes.length) {
      if (view.getUint16(start + 2, littleEndian) === 0) throw badAudio("The WAV file has 0 channels.");
      if (view.getUint16(start + 12, littleEndian) === 0)
        throw badAudio("The WAV file has samples of 0 bytes.");
    }
    if (id === "data") {
      if (isUnknown(sizeBytes)) return start;
      if (start + sizeBytes <= fileBytes) return undefined;
      throw badAudio(
        `The WAV file is cut short: ${sizeBytes} bytes of samples are said to follow byte ${start}, ` +
          `but the file ends at byte ${fileBytes}.`,
      );
    }
    if (start + sizeBytes > fileBytes)
      throw badAudio(
        `The WAV file is cut short: its chunk at byte ${at} goes beyond its end, byte ${fileBytes}.`,
      );
    at = start + sizeBytes + (sizeBytes & 1);
    if (at >= fileBytes) throw badAudio("The WAV file has no samples: it ends before its data chunk.");
  }
  return undefined;
}
