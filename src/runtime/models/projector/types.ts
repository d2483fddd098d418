/** What a projector file adds to a language model: encoders of pictures and sounds whose rows stand in its prompts. */

import type { BufferArena } from "../../gpu/buffers.ts";
import type { Recording } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { LoadedWeights, TensorRequest } from "../../weights/types.ts";

/** How closely a picture is looked at: OpenAI's `detail`. */
export type Detail = "low" | "high" | "auto";

export interface Size {
  width: number;
  height: number;
}

/** A part of a picture, resized: what an encoder sees at once. */
export interface View {
  /** What the whole picture is resized to. */
  resized: Size;
  /** The part of that: its corner; its size is the encoder's. */
  left: number;
  top: number;
  /** Where the encoder sees pictures in sizes of their own: this one's, instead of the encoder's. */
  own?: OwnSize;
}

/** How rows of media lie, for models whose positions have these coordinates. In order: columns first, times last. */
export type MediaGrid = readonly [times: number, rows: number, columns: number];

/** How the rows of a content lie, for models whose positions have three coordinates, and which of them see each other. */
export interface MediaLayout {
  /** Without one, as for sounds, rows follow each other, and all coordinates are the time. */
  grid?: MediaGrid | undefined;
  /**
   * When each of the grid's times, or without a grid each row, is: ticks of a `TimeAlignment` since the beginning of its
   * video, ascending. Without them they count on from 0.
   */
  ticks?: readonly number[] | undefined;
  /** So many in turn see each other both ways. @default 1: each sees only itself and what is before it */
  spanRows?: number | undefined;
}

/**
 * Of models whose positions tell when something is seen and heard: frames and sound of a video begin at one position, take
 * turns in the prompt, and count ticks from there. Views have sizes of their own.
 * Source: TMRoPE of Xu et al. 2025 (Qwen2.5-Omni), arXiv:2503.20215, 2.2; its numbers are 0.04 and 2.
 */
export interface TimeAlignment {
  /** What one position along time stands for. */
  secondsPerTick: number;
  /** All frames of so many seconds come before the sound of these. */
  secondsPerTurn: number;
  /** Special tokens around a video, never empty: they part it from the next one. @param heard whether it has sound */
  around(heard: boolean): readonly [string, string];
}

export interface OwnSize extends Size {
  /** Of the encoder: N. */
  patches: number;
  /** Of its rows, R in all. */
  grid: MediaGrid;
}

/**
 * What stands in a prompt for a picture or a sound: texts, whose special tokens count, and numbers of views or windows,
 * each of which stands for the rows of one.
 */
export type PromptPiece = string | number;

export interface ImagePlan {
  /** All give the same number of rows. */
  views: View[];
  pieces: PromptPiece[];
}

/** An encoder of pictures. N patches of a view, D its width, R rows that it gives, M the width of the language model. */
export interface ImageEncoderModel {
  /** Of a view, in pixels; the largest sides where views have sizes of their own. The same for what follows. */
  viewSize: Size;
  /** R: rows that stand in the prompt for a view. */
  rows: number;
  /** N: rows of the encoder itself. */
  patches: number;
  /** Whether the language model's tokens for a view see each other both ways, or only those before them. @default "causal" */
  attention?: "causal" | "bidirectional";
  /** The special token that templates of such models write for a picture. */
  placeholder?: string;
  /** Texts that such templates write around that, for those that know nothing of pictures. */
  around?: readonly [string, string];
  /** Row and column of each patch of a view, where the encoder reads them as `ImageInputs.places`. */
  patchPlaces?(view: View): Uint32Array<ArrayBuffer>; // (N, 2)
  plan(picture: Size, detail: Detail): ImagePlan;
  video: VideoModel;
  /** For steps of N tokens and R outputs: `inputs` to the rows of a view, and those that the first layers add. */
  record(rec: Recording, inputs: ImageInputs): readonly Tensor[]; // (R, M) each
}

/** How videos are looked at: in steps of one view each. */
export interface VideoModel {
  framesPerSecond: number;
  /** Of longer videos fewer frames a second are looked at. */
  mostFrames: number;
  /** Pixels of a frame's longer side that are worth having. @default twice those of a view */
  maxSide?: number;
  /** Neighbouring frames that one view shows. A last one whose neighbours are missing stands for them. @default 1 */
  framesPerStep?: number;
  /**
   * The view of a step.
   * @param frame its first one
   * @param steps of the whole video
   * @default that of a picture with `detail: "low"`
   */
  view?(frame: Size, steps: number): View;
  /** What stands for a step, whose view is 0. @param seconds since the video's beginning: the mean of its frames' times */
  pieces(seconds: number): PromptPiece[];
}

/** What a view is made of. See `imageResize`. */
export interface ImageInputs {
  arena: BufferArena;
  /** Those of a step of a video; a picture is all of them. */
  frames: readonly FrameInputs[];
  window: Tensor; // (4) u32
  /** Of the patches, where the encoder wants them. */
  places: Tensor | undefined; // (N, 2) u32
  scratch: Tensor;
  mostHeight: number;
}

export interface FrameInputs {
  pixels: Tensor; // u32, RGBA
  /** What it is resized to is the same for all frames of a step. */
  sizes: Tensor; // (4) u32
}

/** An encoder of sounds, a window at a time. */
export interface AudioEncoderModel {
  /** Samples of a window, at 16 kHz, of which some may have been in the window before. */
  windowSamples: number;
  /** Samples by which windows move. A window ends where its step ends; before the sound and after it there is silence. */
  stepSamples: number;
  /** R: rows that stand in the prompt for a step. */
  rows: number;
  /** The largest number of rows of the encoder itself. */
  positions: number;
  /** Steps of the longest sound. */
  maxSteps: number;
  /** What stands for a sound of so many steps. */
  pieces(steps: number): PromptPiece[];
  /** For steps of `positions` tokens and R outputs. @param samples (windowSamples) f32 */
  record(rec: Recording, arena: BufferArena, samples: Tensor): Tensor; // (R, M)
}

/** A projector whose file has been understood. */
export interface ProjectorSpec {
  type: string;
  /** M: the language model's. */
  outputWidth: number;
  /** Layers of the language model that its rows are added to, beside those that stand in the prompt. @default 0 */
  deepstackLayers?: number;
  tensors: TensorRequest[];
  /** Names the weights. Buffers of the encoders come into being when they are recorded. */
  build(loaded: LoadedWeights): ProjectorModels;
}

export interface ProjectorModels {
  image?: ImageEncoderModel;
  audio?: AudioEncoderModel;
  /** Without it, the sound of a video stands behind its frames as a sound of its own. */
  alignment?: TimeAlignment;
}
