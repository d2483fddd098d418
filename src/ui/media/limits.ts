/** What may be attached to a message, and why something may not. */

import type { AttachmentKind } from "../state/attachments.ts";
import type { InputKind } from "../state/inputs.ts";

/** A whole message travels as one JSON text: files are kept well below what a tab can hold several times. */
export const attachmentLimits = {
  perMessage: 16,
  maxBytes: { image: 64 * 2 ** 20, audio: 64 * 2 ** 20, video: 64 * 2 ** 20 },
  maxSeconds: { audio: 3600, video: 600 },
  /** Larger pictures are made smaller: no model sees more. In pixels. */
  imageSide: 2048,
  /** Pictures of more bytes are written anew. */
  imageBytes: 4 * 2 ** 20,
} as const;

/** A model that only writes down gets the file itself, piece by piece: two hours are fine. */
export const transcriptionLimits = { maxBytes: 2 * 2 ** 30, maxSeconds: 12 * 3600 } as const;

export type FileProblem =
  | { type: "empty" }
  | { type: "tooMany"; max: number }
  | { type: "tooLarge"; maxBytes: number }
  | { type: "tooLong"; seconds: number; maxSeconds: number }
  /** No picture, sound or video. */
  | { type: "notMedia" }
  /** The model in use has no sense for it. */
  | { type: "notTaken"; kind: AttachmentKind }
  /** The browser cannot decode it. */
  | { type: "undecodable" }
  /** In the runtime's words. */
  | { type: "detail"; message: string };

export class FileError extends Error {
  constructor(readonly problem: FileProblem) {
    super(problem.type);
  }
}

/** Whether a model can be given an attachment: frames go as pictures where it takes no video. */
export function isTaken(kind: AttachmentKind, inputs: readonly InputKind[]): boolean {
  if (kind === "frames") return inputs.includes("video") || inputs.includes("image");
  return inputs.includes(kind);
}

/** @throws FileError by what is known before a file is read */
export function checkFile(
  kind: "image" | "audio" | "video",
  sizeBytes: number,
  inputs: readonly InputKind[],
): void {
  if (sizeBytes === 0) throw new FileError({ type: "empty" });
  if (!isTaken(kind, inputs)) throw new FileError({ type: "notTaken", kind });
  const maxBytes = inputs.includes("text") ? attachmentLimits.maxBytes[kind] : transcriptionLimits.maxBytes;
  if (sizeBytes > maxBytes) throw new FileError({ type: "tooLarge", maxBytes });
}

/** @param seconds undefined where it is not known, which is no reason to refuse it */
export function checkLength(
  kind: "audio" | "video",
  seconds: number | undefined,
  inputs: readonly InputKind[],
): void {
  const maxSeconds = inputs.includes("text")
    ? attachmentLimits.maxSeconds[kind]
    : transcriptionLimits.maxSeconds;
  if (seconds !== undefined && seconds > maxSeconds)
    throw new FileError({ type: "tooLong", seconds, maxSeconds });
}
