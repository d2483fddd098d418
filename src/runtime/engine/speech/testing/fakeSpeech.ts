/** A model whose answers are written down beforehand. */

import { type WhisperTokens, whisperTokens } from "../../../text/whisperTokens.ts";
import { byteTokens, cutTiny } from "../../../weights/testing/whisperFiles.ts";
import type { SpeechModel } from "../types.ts";

/** Single bytes, 99 languages. */
export const fakeTokens: WhisperTokens = whisperTokens(byteTokens(cutTiny), cutTiny.vocab);

/** Text as tokens, and numbers as timestamps: `said(0, "Hi", 1.5)`. */
export function said(...parts: (string | number)[]): number[] {
  return parts.flatMap((part) =>
    typeof part === "number"
      ? [fakeTokens.timestampBegin + Math.round(part * 50)]
      : fakeTokens.tokenizer.encode(part),
  );
}

export interface FakeWindow {
  /** What it answers at the first, second, … attempt; the last one repeats. */
  answers: number[][];
  /** @default 0 */
  noSpeech?: number;
  /** How much the answer's logits exceed all others. @default 30 */
  confidence?: number;
  language?: string;
}

export class FakeSpeech implements SpeechModel {
  readonly vocab = cutTiny.vocab;
  readonly textContext = 64;
  readonly audioContext = 1500;
  /** Samples of each window that was encoded. */
  readonly encoded: number[] = [];
  /** Prompts of all attempts. */
  readonly prompts: number[][] = [];
  readonly aligned: number[][] = [];
  #attempt = -1;
  #promptLength = 0;

  constructor(
    private readonly windows: readonly FakeWindow[],
    private readonly attention: (rows: number, positions: number) => Float32Array[] = () => [],
  ) {}

  async encode(samples: Float32Array): Promise<void> {
    this.encoded.push(samples.length);
    this.#attempt = -1;
  }

  async decode(
    tokens: readonly number[],
    position: number,
    outputs: readonly number[],
  ): Promise<Float32Array[]> {
    const window = this.windows[this.encoded.length - 1]!;
    const { answers, noSpeech = 0, confidence = 30, language = "en" } = window;
    const isDetection = position === 0 && tokens.length === 1;
    if (position === 0 && !isDetection) {
      this.#attempt++;
      this.#promptLength = tokens.length;
      this.prompts.push([...tokens]);
    }
    const answer = answers[Math.min(this.#attempt, answers.length - 1)] ?? [];
    const next = answer[position + tokens.length - this.#promptLength] ?? fakeTokens.end;
    return outputs.map((output) => {
      const isStart = tokens[output] === fakeTokens.start;
      // Timestamps are many: they must not prevail by their number.
      const logits = new Float32Array(this.vocab).fill(-20, isStart ? 0 : fakeTokens.timestampBegin);
      logits[isStart ? fakeTokens.languages.get(language)! : next] = confidence;
      if (isStart) logits[fakeTokens.noSpeech] = confidence + Math.log(noSpeech / (1 - noSpeech));
      return logits;
    });
  }

  async align(tokens: readonly number[], add: (scores: Float32Array) => void): Promise<void> {
    this.aligned.push([...tokens]);
    for (const scores of this.attention(tokens.length, this.audioContext)) add(scores);
  }
}
