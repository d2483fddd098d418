/** What a model file is, by its first bytes: apart from the readers, which are loaded when needed. */

/** As much as has to be looked at. */
export const sniffedBytes = 16;

/** The little-endian number that whisper.cpp's files start with. */
export const whisperMagic = 0x67676d6c;

/** Anything that is none of the others is left to the reader of GGUF, which says what it finds. */
export type FileKind = "gguf" | "safetensors" | "whisper.cpp";

export function fileKind(bytes: Uint8Array): FileKind {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 4 && view.getUint32(0, true) === whisperMagic) return "whisper.cpp";
  // A small length, then an object of JSON.
  if (bytes.length >= 9 && view.getUint32(4, true) === 0 && bytes[8] === 0x7b) return "safetensors";
  return "gguf";
}
