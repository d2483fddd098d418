/** A camera: its picture to show, and frames of it as JPEG files. */

import { comparedSize, greyOf } from "./frameChange.ts";
import { openDevice } from "./problem.ts";

export type Facing = "user" | "environment";

export interface CameraOptions {
  facing: Facing;
  /** The device is gone; the camera is closed then. Not called after `close`. */
  onEnded: () => void;
}

/** A frame no larger than asked for. */
export interface CameraFrame {
  blob: Blob;
  width: number;
  height: number;
}

/** The largest size of the same shape with no side above `maxSide`; never larger than it is. */
export function fitSize(width: number, height: number, maxSide: number): { width: number; height: number } {
  const scale = Math.min(1, maxSide / Math.max(width, height));
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  return { width: side(width), height: side(height) };
}

export class Camera {
  /** Plays what the camera sees: for the page to show. */
  readonly video: HTMLVideoElement;
  readonly #track: MediaStreamTrack;
  #closed = false;

  private constructor(video: HTMLVideoElement, track: MediaStreamTrack) {
    this.video = video;
    this.#track = track;
  }

  /** @throws what `getUserMedia` throws */
  static async open({ facing, onEnded }: CameraOptions): Promise<Camera> {
    const stream = await openDevice({
      video: { facingMode: facing, width: { ideal: 1280 }, height: { ideal: 720 } },
    });
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = stream;
    const camera = new Camera(video, stream.getVideoTracks()[0]!);
    camera.#track.addEventListener("ended", () => {
      if (camera.#closed) return;
      camera.close();
      onEnded();
    });
    // Resolves with the first frame; a page may be left before it comes.
    await video.play().catch(() => undefined);
    return camera;
  }

  /** Whether there is a picture yet. */
  get hasPicture(): boolean {
    return !this.#closed && this.video.videoWidth > 0;
  }

  /** Undefined before the first picture and after the last. @param maxSide in pixels */
  async frame(maxSide: number, quality: number): Promise<CameraFrame | undefined> {
    if (!this.hasPicture) return undefined;
    const size = fitSize(this.video.videoWidth, this.video.videoHeight, maxSide);
    const canvas = new OffscreenCanvas(size.width, size.height);
    canvas.getContext("2d")!.drawImage(this.video, 0, 0, size.width, size.height);
    return { blob: await canvas.convertToBlob({ type: "image/jpeg", quality }), ...size };
  }

  /** The picture as `changedShare` compares it. */
  grey(): Uint8Array | undefined {
    if (!this.hasPicture) return undefined;
    const { width, height } = comparedSize;
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
    context.drawImage(this.video, 0, 0, width, height);
    return greyOf(context.getImageData(0, 0, width, height).data);
  }

  /** Gives the device back. */
  close(): void {
    this.#closed = true;
    this.#track.stop();
    this.video.srcObject = null;
  }
}
