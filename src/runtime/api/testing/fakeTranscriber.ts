/** A model that hears what is written down, and keeps record of what it was asked. */

import type {
  Transcriber,
  TranscriptionEvent,
  TranscriptionRequest,
  TranscriptSegment,
} from "../../engine/speech/types.ts";
import type { EngineStats } from "../../engine/types.ts";
import { OmniError } from "../../errors.ts";
import { FakeEngine } from "./fakeEngine.ts";

export interface FakeTranscriberOptions {
  /** Start, end, text. */
  segments?: readonly (readonly [number, number, string])[];
  languages?: readonly string[];
  /** Thrown before the segment at this position. */
  failure?: { at: number; error: unknown };
  delayMs?: number;
}

const defaultSegments = [
  [0, 2.5, " Hello there."],
  [2.5, 3661.25, " <b> & --> so on."],
] as const;

export class FakeTranscriber implements Transcriber {
  readonly modelId = "fake/whisper";
  readonly contextLength = 448;
  readonly languages: ReadonlySet<string>;
  readonly requests: TranscriptionRequest[] = [];
  /** Transcriptions that have begun and neither finished nor been left. */
  running = 0;

  constructor(private readonly options: FakeTranscriberOptions = {}) {
    this.languages = new Set(options.languages ?? ["en", "de", "zh"]);
  }

  async *transcribe(request: TranscriptionRequest): AsyncGenerator<TranscriptionEvent, void, void> {
    this.requests.push(request);
    const { segments = defaultSegments, failure, delayMs = 0 } = this.options;
    this.running++;
    try {
      yield { type: "language", language: request.language ?? "de" };
      for (const [id, [start, end, text]] of segments.entries()) {
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        if (request.signal?.aborted) throw new OmniError("aborted", "The request was cancelled.");
        if (failure?.at === id) throw failure.error;
        yield { type: "segment", segment: segment(id, start, end, text, request.words) };
      }
      yield { type: "done", durationSeconds: 3661.314 };
    } finally {
      this.running--;
    }
  }

  stats(): EngineStats {
    return { ...new FakeEngine().stats(), audio: { seconds: 12 } };
  }

  async dispose(): Promise<void> {}
}

function segment(id: number, start: number, end: number, text: string, words: boolean): TranscriptSegment {
  const texts = text.trim().split(" ");
  const length = (end - start) / texts.length;
  return {
    ...{ id, seek: 0, start, end, text, tokens: [1, 2, id], temperature: 0.2 },
    ...{ averageLogprob: -0.25, compressionRatio: 1.5, noSpeechProbability: 0.01 },
    words: words
      ? texts.map((word, i) => ({
          word: ` ${word}`,
          start: start + i * length,
          end: start + (i + 1) * length,
        }))
      : undefined,
  };
}
