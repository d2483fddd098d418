/** Pictures and sounds to spans of a prompt: encoded once, known by what they hold. */

import { invalidRequest } from "../../errors.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type {
  AudioEncoderModel,
  Detail,
  ImageEncoderModel,
  PromptPiece,
  View,
} from "../../models/projector/types.ts";
import type { PromptMedia } from "../../text/types.ts";
import { hex } from "../hex.ts";
import type { MediaRows, MediaSpan } from "../mediaRows.ts";
import { checkAborted } from "../types.ts";
import { type AudioRunner, audioWindows } from "./audioRunner.ts";
import { type ImageRunner, type Pixels, rowsOf } from "./imageRunner.ts";

export type { Detail };
export type MediaKind = PromptMedia["kind"];

export interface OpenOptions {
  /** Most rows that there is room for in the prompt. */
  room: number;
  signal: AbortSignal;
}

/** Held until it is released. */
export interface OpenedMedia extends PromptMedia {
  /** Once. */
  release(): void;
}

/** An encoder that comes into being, and is compiled, when it is first opened. */
export interface LazyRunner<Model, Runner> {
  model: Model;
  open(): Promise<Runner>;
}

export interface MediaEncoderParts {
  rows: MediaRows;
  image: LazyRunner<ImageEncoderModel, ImageRunner> | undefined;
  audio: LazyRunner<AudioEncoderModel, AudioRunner> | undefined;
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

  private readonly opened = new Set<ImageRunner | AudioRunner>();

  /** Of buffers beside the weights. */
  get sizeBytes(): number {
    return [...this.opened].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** The longest sound. */
  get audioLimits(): { maxSamples: number } {
    const { maxSteps = 0, stepSamples = 0 } = this.parts.audio?.model ?? {};
    return { maxSamples: maxSteps * stepSamples };
  }

  /** Which frames of videos are looked at, and how large. */
  get videoSampling(): { framesPerSecond: number; mostFrames: number; maxSide: number } {
    const { video, viewSize } = this.parts.image!.model;
    return { ...video, maxSide: 2 * Math.max(viewSize.width, viewSize.height) };
  }

  /** @throws OmniError as `MediaRows.open`; `invalid_request` (`context_length_exceeded`), before anything is encoded; `aborted` */
  async image(picture: Pixels, detail: Detail, { room, signal }: OpenOptions): Promise<OpenedMedia> {
    checkAborted(signal);
    const { model } = this.parts.image!;
    const { views, pieces } = model.plan(picture, detail);
    const R = rowsOf(views[0]!, model);
    expectRoom(views.length * R, room);
    const runner = await this.open(this.parts.image!);
    const span = await this.openViews(runner, picture, views);
    return opened("image", [span], pieces, R, model);
  }

  /** Frames of a video in turn, each on its own in the cache. */
  async video(frames: readonly Pixels[], { room, signal }: OpenOptions): Promise<OpenedMedia> {
    const { model } = this.parts.image!;
    const views = frames.map((frame) => model.plan(frame, "low").views[0]!);
    expectRoom(
      views.reduce((sum, view) => sum + rowsOf(view, model), 0),
      room,
    );
    const runner = await this.open(this.parts.image!);
    const spans: MediaSpan[] = [];
    try {
      for (const [i, frame] of frames.entries()) {
        checkAborted(signal);
        spans.push(await this.openViews(runner, frame, [views[i]!]));
      }
    } catch (thrown) {
      for (const span of spans) span.release();
      throw thrown;
    }
    const pieces = spans.flatMap((_, i) =>
      model.framePieces.map((piece) => (typeof piece === "number" ? i : piece)),
    );
    return opened("video", spans, pieces);
  }

  /** @param samples 16 kHz, mono */
  async audio(samples: Float32Array, { room, signal }: OpenOptions): Promise<OpenedMedia> {
    const { model } = this.parts.audio!;
    const windows = audioWindows(samples, model);
    if (windows.length > model.maxSteps)
      throw invalidRequest(
        `The audio lasts ${(samples.length / 16_000).toFixed(1)} s; this model hears at most ${((model.maxSteps * model.stepSamples) / 16_000).toFixed(1)} s.`,
        "messages",
        "audio_too_long",
      );
    expectRoom(windows.length * model.rows, room);
    const runner = await this.open(this.parts.audio!);
    const spans: MediaSpan[] = [];
    try {
      for (const window of windows) {
        checkAborted(signal);
        const encode = (rows: Tensor) => this.encodeEach(1, () => runner.encode(window, rows, 0));
        spans.push(await this.parts.rows.open(`audio ${await digest(window)}`, model.rows, encode));
      }
    } catch (thrown) {
      for (const span of spans) span.release();
      throw thrown;
    }
    return opened("audio", spans, model.pieces(windows.length));
  }

  destroy(): void {
    for (const runner of this.opened) runner.destroy();
  }

  /** The rows of all views. */
  private async openViews(runner: ImageRunner, picture: Pixels, views: readonly View[]): Promise<MediaSpan> {
    const key = `image ${await digest(picture.words)} ${JSON.stringify([picture.width, picture.height, views])}`;
    const { model } = runner;
    const count = views.reduce((sum, view) => sum + rowsOf(view, model), 0);
    const spanRows = model.attention === "bidirectional" ? rowsOf(views[0]!, model) : undefined;
    const encode = (rows: Tensor, deep: readonly Tensor[]) =>
      this.encodeEach(views.length, (i) => runner.encode(picture, views[i]!, [rows, ...deep], i));
    // Views of sizes of their own come alone.
    return this.parts.rows.open(key, count, encode, views[0]!.own?.grid, spanRows);
  }

  private async open<R extends ImageRunner | AudioRunner>(lazy: LazyRunner<unknown, R>): Promise<R> {
    const runner = await lazy.open();
    this.opened.add(runner);
    return runner;
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

/** @param R rows for a number of `pieces`, where one span has those of all; otherwise each has a span */
function opened(
  kind: MediaKind,
  spans: readonly MediaSpan[],
  pieces: readonly PromptPiece[],
  R?: number,
  { placeholder, around }: Pick<ImageEncoderModel, "placeholder" | "around"> = {},
): OpenedMedia {
  const tokensOf = (i: number) =>
    R === undefined ? spans[i]!.tokens : spans[0]!.tokens.slice(i * R, (i + 1) * R);
  return {
    kind,
    pieces: pieces.map((piece) => (typeof piece === "number" ? tokensOf(piece) : piece)),
    placeholder,
    around,
    release: () => {
      for (const span of spans) span.release();
    },
  };
}

/** What exceeds the context is refused here: there it would look as if others held the room. */
function expectRoom(count: number, room: number): void {
  if (count <= room) return;
  throw invalidRequest(
    `The pictures and sounds of the messages need ${count} tokens where the context has room for ${room}. Please send fewer or shorter ones.`,
    "messages",
    "context_length_exceeded",
  );
}

async function digest(values: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", values)));
}
