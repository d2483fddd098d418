/** What `api/` asks of a model that hears, and what the rules of decoding ask of its forward pass. */

import type { EngineStats } from "../types.ts";

/**
 * The forward pass of an encoder-decoder, for one window of audio at a time. Calls must not overlap.
 * V vocabulary, T tokens, S audio positions.
 */
export interface SpeechModel {
  /** V */
  readonly vocab: number;
  /** Most tokens of a window, prompt and answer together. */
  readonly textContext: number;
  /** S: positions of a window; each is 0.02 s. */
  readonly audioContext: number;
  /**
   * Encodes a window, which the following calls attend to.
   * @param samples mono at 16 kHz, at most audioContext · 320; silence follows
   */
  encode(samples: Float32Array): Promise<void>;
  /**
   * Feeds tokens at positions `position` on, after those that were fed to the positions before.
   * @param outputs which of these tokens' logits are wanted: ascending, at most two
   * @returns logits (V) for each of them
   */
  decode(tokens: readonly number[], position: number, outputs: readonly number[]): Promise<Float32Array[]>;
  /**
   * Attention of tokens at positions 0 on to the window's audio, in the heads that align words.
   * @param add is given the scores (T, S) of one head after the other, before the softmax
   */
  align(tokens: readonly number[], add: (scores: Float32Array) => void): Promise<void>;
}

export type SpeechTask = "transcribe" | "translate";

export interface TranscriptionRequest {
  /** The file as it came. */
  file: Blob;
  task: SpeechTask;
  /** A code such as "en"; detected where undefined. */
  language: string | undefined;
  /** Text that goes before, for spelling and style; its end is taken where it is too long. */
  prompt: string | undefined;
  /** Tried in turn until an answer passes the tests of `decodeWithFallback`; 0 is greedy. */
  temperatures: readonly number[];
  /** Finds when each word was said. */
  words: boolean;
  signal: AbortSignal | undefined;
}

/** A word with its punctuation, as it was written: mostly with a space before it. */
export interface TimedWord {
  word: string;
  /** In seconds of the audio. */
  start: number;
  end: number;
}

/** A piece of text between two timestamps. */
export interface TranscriptSegment {
  id: number;
  /** Where the window began in which it was found: in steps of 0.01 s. */
  seek: number;
  /** In seconds of the audio. */
  start: number;
  end: number;
  text: string;
  tokens: readonly number[];
  temperature: number;
  /** Mean over the window's tokens, of natural logarithms. */
  averageLogprob: number;
  /** Bytes of the window's text over those of the same, deflated. */
  compressionRatio: number;
  /** Probability that the window has no speech. */
  noSpeechProbability: number;
  words: readonly TimedWord[] | undefined;
}

export type TranscriptionEvent =
  /** Once, first. A code such as "en". */
  | { type: "language"; language: string }
  | { type: "segment"; segment: TranscriptSegment }
  /** Once, last. */
  | { type: "done"; durationSeconds: number };

/** One loaded model that writes down what was said. */
export interface Transcriber {
  readonly modelId: string;
  /** Most tokens of a window, prompt and answer together. */
  readonly contextLength: number;
  /** Codes of the languages that it knows; none where it knows English only. */
  readonly languages: ReadonlySet<string>;
  /**
   * Transcribes a file, one request after the other. Leaving the loop or aborting the signal cancels.
   * @throws OmniError `invalid_request` (the file), `queue_full`, `aborted`, `device_lost`
   */
  transcribe(request: TranscriptionRequest): AsyncGenerator<TranscriptionEvent, void, void>;
  stats(): EngineStats;
  dispose(): Promise<void>;
}
