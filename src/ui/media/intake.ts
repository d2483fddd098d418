/** Files to attachments: looked at, made smaller, with what is needed to show them. */

import { OmniError } from "../../runtime/errors.ts";
import { audioLimits } from "../../runtime/media/audio/audioLimits.ts";
import { sniffAudio } from "../../runtime/media/audio/sniffAudio.ts";
import { decodeImage } from "../../runtime/media/image/decodeImage.ts";
import { fitSize } from "../capture/camera.ts";
import type { Attachment } from "../state/attachments.ts";
import { newId } from "../state/conversations.ts";
import type { InputKind } from "../state/inputs.ts";
import type { AttachmentData } from "./attachmentStore.ts";
import { fileKind, kindBytes } from "./fileKind.ts";
import { attachmentLimits, checkFile, checkLength, FileError } from "./limits.ts";

export interface Taken {
  attachment: Attachment;
  data: AttachmentData;
}

const posterSide = 480;
/** Some files never say that they cannot be played. */
const metadataPatienceMs = 8000;

/** @throws FileError */
export async function takeFile(file: File, inputs: readonly InputKind[]): Promise<Taken> {
  if (file.size === 0) throw new FileError({ type: "empty" });
  const start = new Uint8Array(await file.slice(0, kindBytes).arrayBuffer());
  const found = fileKind(start, file.type);
  if (!found) throw new FileError({ type: "notMedia" });
  const { kind, type } = found;
  checkFile(kind, file.size, inputs);
  const attachment: Attachment = { id: newId(), kind, type, name: file.name };
  // A type of our own: what is shown later is what the bytes are, whatever the file was called.
  const blob = new Blob([file], { type });
  try {
    if (kind === "image") return await takeImage(attachment, blob);
    if (kind === "audio") {
      await sniffAudio(blob, audioLimits);
      return await takeAudio(attachment, blob, inputs);
    }
    return await takeVideo(attachment, blob, inputs);
  } catch (thrown) {
    if (thrown instanceof FileError) throw thrown;
    // The file may be gone or locked since it was picked.
    if (!(thrown instanceof OmniError)) throw new FileError({ type: "undecodable" });
    throw new FileError({ type: "detail", message: thrown.message });
  }
}

async function takeImage(attachment: Attachment, blob: Blob): Promise<Taken> {
  const bitmap = await decodeImage(blob);
  try {
    const { imageSide, imageBytes } = attachmentLimits;
    if (Math.max(bitmap.width, bitmap.height) <= imageSide && blob.size <= imageBytes)
      return { attachment, data: { blobs: [blob] } };
    const smaller = await draw(bitmap, bitmap, imageSide, "image/webp");
    return { attachment: { ...attachment, type: smaller.type }, data: { blobs: [smaller] } };
  } finally {
    bitmap.close();
  }
}

async function takeAudio(attachment: Attachment, blob: Blob, inputs: readonly InputKind[]): Promise<Taken> {
  const audio = new Audio();
  // A sound that cannot be played here may still be decoded: the request will tell.
  const seconds = await metadata(audio, blob, () => secondsOf(audio)).catch(() => undefined);
  checkLength("audio", seconds, inputs);
  return { attachment: withSeconds(attachment, seconds), data: { blobs: [blob] } };
}

async function takeVideo(attachment: Attachment, blob: Blob, inputs: readonly InputKind[]): Promise<Taken> {
  const video = document.createElement("video");
  video.muted = true;
  const { seconds, poster } = await metadata(video, blob, async () => {
    const seconds = secondsOf(video);
    checkLength("video", seconds, inputs);
    if (video.videoWidth === 0) throw new FileError({ type: "undecodable" });
    const size = { width: video.videoWidth, height: video.videoHeight };
    return { seconds, poster: await draw(video, size, posterSide, "image/jpeg") };
  });
  return { attachment: withSeconds(attachment, seconds), data: { blobs: [blob], poster } };
}

const withSeconds = (attachment: Attachment, seconds: number | undefined): Attachment =>
  seconds === undefined ? attachment : { ...attachment, seconds };

/** Recordings of browsers say Infinity. */
const secondsOf = ({ duration }: HTMLMediaElement) => (Number.isFinite(duration) ? duration : undefined);

/** Calls `read` when an element has its first frame. @throws FileError `undecodable` */
async function metadata<T>(element: HTMLMediaElement, blob: Blob, read: () => T | Promise<T>): Promise<T> {
  const url = URL.createObjectURL(blob);
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = () => reject(new FileError({ type: "undecodable" }));
      setTimeout(fail, metadataPatienceMs);
      element.onloadeddata = () => resolve();
      element.onerror = fail;
      element.preload = "auto";
      element.src = url;
    });
    return await read();
  } finally {
    element.removeAttribute("src");
    element.load();
    URL.revokeObjectURL(url);
  }
}

/** A picture with no side above `maxSide`; where the browser cannot write the type, it is a PNG. */
async function draw(
  source: CanvasImageSource,
  { width, height }: { width: number; height: number },
  maxSide: number,
  type: string,
): Promise<Blob> {
  const size = fitSize(width, height, maxSide);
  const canvas = new OffscreenCanvas(size.width, size.height);
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, size.width, size.height);
  return canvas.convertToBlob({ type, quality: 0.9 });
}
