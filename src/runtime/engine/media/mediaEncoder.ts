/** Pictures and sounds to spans of a prompt: encoded once, known by what they hold. */

import { invalidRequest } from "../../errors.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { Detail, Placeholder, PromptPiece } from "../../models/projector/types.ts";
import { hex } from "../hex.ts";
import type { MediaRows, MediaSpan } from "../mediaRows.ts";
import { checkAborted } from "../types.ts";
import { type AudioRunner, audioWindows } from "./audioRunner.ts";
import type { ImageRunner, Pixels } from "./imageRunner.ts";

/** What stands in a prompt for a part that is no text. */
export interface PromptMedia {
  kind: MediaKind;
  /** Texts, whose special tokens count, and tokens of rows. */
  pieces: (string | readonly number[])[];
  placeholder: Placeholder | undefined;
}

export type MediaKind = "image" | "audio" | "video";

/** Held until it is released. */
export interface OpenedMedia extends PromptMedia {
  /** Once. */
  release(): void;
}

export interface MediaEncoderParts {
  rows: MediaRows;
  image: ImageRunner | undefined;
  audio: AudioRunner | undefined;
  /** Resolves when all that was submitted has been computed. */
  settled: () => Promise<unknown>;
}

export class MediaEncoder {
  /** What it takes, in the order of OpenAI's documentation. */
  readonly kinds: readonly MediaKind[];

  constructor(private readonly parts: MediaEncoderParts) {
    this.kinds = [
      ...(parts.image ? (["image"] as const) : []),
      ...(parts.audio ? (["audio"] as const) : []),
      ...(parts.image ? (["video"] as const) : []),
    ];
  }

  get sizeBytes(): number {
    return (this.parts.image?.sizeBytes ?? 0) + (this.parts.audio?.sizeBytes ?? 0);
  }

  /** The longest sound. */
  get audioLimits(): { maxSamples: number } {
    const { maxSteps = 0, stepSamples = 0 } = this.parts.audio?.model ?? {};
    return { maxSamples: maxSteps * stepSamples };
  }

  /** @throws OmniError as `MediaRows.open`; `aborted` */
  async image(picture: Pixels, detail: Detail, signal?: AbortSignal): Promise<OpenedMedia> {
    checkAborted(signal);
    const { model } = this.parts.image!;
    const { views, pieces } = model.plan(picture, detail);
    const key = `image ${await digest(picture.words)} ${JSON.stringify([picture.width, picture.height, views])}`;
    const span = await this.parts.rows.open(key, views.length * model.rows, (rows) =>
      this.encodeEach(views.length, (i) => this.parts.image!.encode(picture, views[i]!, rows, i)),
    );
    return opened("image", [span], pieces, model.rows, model.placeholder);
  }

  /** Frames of a video in turn, each on its own in the cache. */
  async video(frames: readonly Pixels[], signal?: AbortSignal): Promise<OpenedMedia> {
    const { model } = this.parts.image!;
    const spans: MediaSpan[] = [];
    try {
      for (const frame of frames) {
        checkAborted(signal);
        const [view] = model.plan(frame, "low").views;
        const key = `image ${await digest(frame.words)} ${JSON.stringify([frame.width, frame.height, [view]])}`;
        const encode = (rows: Tensor) =>
          this.encodeEach(1, () => this.parts.image!.encode(frame, view!, rows, 0));
        spans.push(await this.parts.rows.open(key, model.rows, encode));
      }
    } catch (thrown) {
      for (const span of spans) span.release();
      throw thrown;
    }
    const pieces = spans.flatMap((_, i) =>
      model.framePieces.map((piece) => (typeof piece === "number" ? i : piece)),
    );
    return opened("video", spans, pieces, model.rows, undefined);
  }

  /** @param samples 16 kHz, mono */
  async audio(samples: Float32Array, signal?: AbortSignal): Promise<OpenedMedia> {
    const { model } = this.parts.audio!;
    const windows = audioWindows(samples, model);
    if (windows.length > model.maxSteps)
      throw invalidRequest(
        `The audio lasts ${(samples.length / 16_000).toFixed(1)} s; this model hears at most ${((model.maxSteps * model.stepSamples) / 16_000).toFixed(1)} s.`,
        "messages",
        "audio_too_long",
      );
    const spans: MediaSpan[] = [];
    try {
      for (const window of windows) {
        checkAborted(signal);
        const encode = (rows: Tensor) => this.encodeEach(1, () => this.parts.audio!.encode(window, rows, 0));
        spans.push(await this.parts.rows.open(`audio ${await digest(window)}`, model.rows, encode));
      }
    } catch (thrown) {
      for (const span of spans) span.release();
      throw thrown;
    }
    return opened("audio", spans, model.pieces(windows.length), model.rows, model.placeholder);
  }

  destroy(): void {
    this.parts.image?.destroy();
    this.parts.audio?.destroy();
  }

  /**
   * One after the other, so that steps of running requests come in between. Not cut short by whoever asked first: others may
   * wait for the same.
   */
  private async encodeEach(count: number, encode: (i: number) => void): Promise<void> {
    for (let i = 0; i < count; i++) {
      encode(i);
      if (i + 1 < count) await this.parts.settled();
    }
  }
}

/** @param spans of rows: all in the first, or R in each */
function opened(
  kind: MediaKind,
  spans: readonly MediaSpan[],
  pieces: readonly PromptPiece[],
  R: number,
  placeholder: Placeholder | undefined,
): OpenedMedia {
  const tokens = spans.flatMap((span) => span.tokens);
  return {
    kind,
    pieces: pieces.map((piece) =>
      typeof piece === "number" ? tokens.slice(piece * R, (piece + 1) * R) : piece,
    ),
    placeholder,
    release: () => {
      for (const span of spans) span.release();
    },
  };
}

async function digest(values: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", values)));
}
