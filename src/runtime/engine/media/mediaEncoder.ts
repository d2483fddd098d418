/** Pictures and sounds to spans of a prompt: encoded once, known by what they hold. */

import { invalidRequest } from "../../errors.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type {
  AudioEncoderModel,
  Detail,
  ImageEncoderModel,
  MediaLayout,
  PromptPiece,
  Size,
  TimeAlignment,
  View,
} from "../../models/projector/types.ts";
import type { PromptMedia } from "../../text/types.ts";
import { hex } from "../hex.ts";
import type { MediaRows, MediaSpan } from "../mediaRows.ts";
import { checkAborted } from "../types.ts";
import { type AudioRunner, audioWindows } from "./audioRunner.ts";
import { type ImageRunner, type Pixels, rowsOf } from "./imageRunner.ts";
import { inTurns, tickAt } from "./timeAlignment.ts";

export type { Detail };
export type MediaKind = PromptMedia["kind"];

export interface OpenOptions {
  /** Most rows that there is room for in the prompt. */
  room: number;
  signal: AbortSignal;
}

/** A frame of a video. */
export interface Frame extends Pixels {
  /** Since the video's beginning. */
  seconds: number;
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
  /** Where frames and sound of a video stand by their times. */
  alignment: TimeAlignment | undefined;
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
    const { framesPerSecond, mostFrames } = video;
    const maxSide = video.maxSide ?? 2 * Math.max(viewSize.width, viewSize.height);
    return { framesPerSecond, mostFrames, maxSide };
  }

  /** @throws OmniError as `MediaRows.open`; `invalid_request` (`context_length_exceeded`), before anything is encoded; `aborted` */
  async image(picture: Pixels, detail: Detail, { room, signal }: OpenOptions): Promise<OpenedMedia> {
    checkAborted(signal);
    const { model } = this.parts.image!;
    const { views, pieces } = model.plan(picture, detail);
    const R = rowsOf(views[0]!, model);
    expectRoom(views.length * R, room);
    const runner = await this.open(this.parts.image!);
    const span = await this.openViews(runner, [picture], views);
    return opened("image", [span], pieces, R, model);
  }

  /**
   * Steps of a video, each on its own in the cache, and its sound: behind them, or by their times.
   * @param frames in order
   * @param sound 16 kHz, mono
   */
  async video(
    frames: readonly Frame[],
    sound: Float32Array | undefined,
    { room, signal }: OpenOptions,
  ): Promise<OpenedMedia> {
    const { image, audio, alignment } = this.parts;
    const { model } = image!;
    const steps = videoSteps(frames, model);
    const windows = sound ? this.windowsOf(sound) : [];
    const seenRows = steps.reduce((sum, { view }) => sum + rowsOf(view, model), 0);
    expectRoom(seenRows + windows.length * (audio?.model.rows ?? 0), room);
    const imageRunner = await this.open(image!);
    const audioRunner = sound && (await this.open(audio!));
    const stepTick = (step: VideoStep) => alignment && tickAt(step.frames[0]!.seconds, alignment);
    const spans = await openEach(signal, [
      ...steps.map((step) => () => this.openViews(imageRunner, step.frames, [step.view], stepTick(step))),
      ...windows.map((window, i) => () => this.openWindow(audioRunner!, window, i)),
    ]);
    if (alignment) {
      const seen = steps.map((step, i) => ({ tick: stepTick(step)!, tokens: spans[i]!.tokens }));
      const heard = windows.flatMap((_, i) => {
        const { tokens } = spans[steps.length + i]!;
        return this.windowTicks(i)!.map((tick, row) => ({ tick, tokens: [tokens[row]!] }));
      });
      const [before, behind] = alignment.around(windows.length > 0);
      const pieces = [before, inTurns(seen, heard, alignment), behind];
      return { kind: "video", pieces, release: () => releaseAll(spans) };
    }
    const from = (first: number, pieces: readonly PromptPiece[]) =>
      pieces.map((piece) => (typeof piece === "number" ? first + piece : piece));
    const pieces = steps.flatMap(({ seconds }, i) => from(i, model.video.pieces(seconds)));
    const heard = sound ? from(steps.length, audio!.model.pieces(windows.length)) : [];
    return opened("video", spans, [...pieces, ...heard]);
  }

  /** @param samples 16 kHz, mono */
  async audio(samples: Float32Array, { room, signal }: OpenOptions): Promise<OpenedMedia> {
    const { model } = this.parts.audio!;
    const windows = this.windowsOf(samples);
    expectRoom(windows.length * model.rows, room);
    const runner = await this.open(this.parts.audio!);
    const spans = await openEach(
      signal,
      windows.map((window) => () => this.openWindow(runner, window)),
    );
    return opened("audio", spans, model.pieces(windows.length));
  }

  destroy(): void {
    for (const runner of this.opened) runner.destroy();
  }

  /** @throws OmniError `invalid_request` (`audio_too_long`) */
  private windowsOf(samples: Float32Array): Float32Array<ArrayBuffer>[] {
    const { model } = this.parts.audio!;
    const windows = audioWindows(samples, model);
    if (windows.length > model.maxSteps)
      throw invalidRequest(
        `The audio lasts ${(samples.length / 16_000).toFixed(1)} s; this model hears at most ${((model.maxSteps * model.stepSamples) / 16_000).toFixed(1)} s.`,
        "messages",
        "audio_too_long",
      );
    return windows;
  }

  /** The rows of a window of sound. @param index in a video, for models that align it */
  private async openWindow(
    runner: AudioRunner,
    window: Float32Array<ArrayBuffer>,
    index?: number,
  ): Promise<MediaSpan> {
    const ticks = index === undefined ? undefined : this.windowTicks(index);
    const key = `audio ${await digest(window)}${ticks ? ` at ${index}` : ""}`;
    const encode = (rows: Tensor) => this.encodeEach(1, () => runner.encode(window, rows, 0));
    return this.parts.rows.open(key, runner.model.rows, encode, ticks && { ticks });
  }

  /** When each row of a video's window of sound is, for models that align it. */
  private windowTicks(index: number): number[] | undefined {
    const { audio, alignment } = this.parts;
    if (!alignment) return undefined;
    const { rows, stepSamples } = audio!.model;
    const rowSeconds = stepSamples / 16_000 / rows;
    return Array.from({ length: rows }, (_, i) => tickAt((index * rows + i) * rowSeconds, alignment));
  }

  /**
   * The rows of all views of a picture, or of a step of a video.
   * @param tick when that is, for models that align videos
   */
  private async openViews(
    runner: ImageRunner,
    frames: readonly Pixels[],
    views: readonly View[],
    tick?: number,
  ): Promise<MediaSpan> {
    const at = tick === undefined ? "" : ` at ${tick}`;
    const key = `image ${await digestOfFrames(frames)} ${JSON.stringify(views)}${at}`;
    const { model } = runner;
    const count = views.reduce((sum, view) => sum + rowsOf(view, model), 0);
    const encode = (rows: Tensor, deep: readonly Tensor[]) =>
      this.encodeEach(views.length, (i) => runner.encode(frames, views[i]!, [rows, ...deep], i));
    // Views of sizes of their own come alone.
    const layout: MediaLayout = {
      grid: views[0]!.own?.grid,
      ticks: tick === undefined ? undefined : [tick],
      spanRows: model.attention === "bidirectional" ? rowsOf(views[0]!, model) : undefined,
    };
    return this.parts.rows.open(key, count, encode, layout);
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

/** What one view of a video shows. */
interface VideoStep {
  frames: readonly Frame[];
  seconds: number;
  view: View;
}

function videoSteps(frames: readonly Frame[], model: ImageEncoderModel): VideoStep[] {
  const { framesPerStep = 1, view = (frame: Size) => model.plan(frame, "low").views[0]! } = model.video;
  const count = Math.ceil(frames.length / framesPerStep);
  return Array.from({ length: count }, (_, i) => {
    const own = frames.slice(i * framesPerStep, (i + 1) * framesPerStep);
    const seconds = own.reduce((sum, frame) => sum + frame.seconds, 0) / own.length;
    return { frames: own, seconds, view: view(own[0]!, count) };
  });
}

/** Spans one after the other, all or none. */
async function openEach(
  signal: AbortSignal,
  opens: readonly (() => Promise<MediaSpan>)[],
): Promise<MediaSpan[]> {
  const spans: MediaSpan[] = [];
  try {
    for (const open of opens) {
      checkAborted(signal);
      spans.push(await open());
    }
    return spans;
  } catch (thrown) {
    releaseAll(spans);
    throw thrown;
  }
}

function releaseAll(spans: readonly MediaSpan[]): void {
  for (const span of spans) span.release();
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
    release: () => releaseAll(spans),
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

/** Frames that are all alike are a picture. */
async function digestOfFrames(frames: readonly Pixels[]): Promise<string> {
  const names = await Promise.all(
    frames.map(async ({ width, height, words }) => `${await digest(words)} ${width}x${height}`),
  );
  return names.every((name) => name === names[0]) ? names[0]! : names.join(" ");
}

async function digest(values: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", values)));
}
