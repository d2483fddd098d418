/** One loaded Whisper model: requests one after the other, and what they cost. */

import { OmniError } from "../../errors.ts";
import type { Gpu } from "../../gpu/device.ts";
import { AudioWindow } from "../../media/audio/audioWindow.ts";
import type { WhisperTokens } from "../../text/whisperTokens.ts";
import { Durations } from "../durations.ts";
import { checkAborted, type EngineStats } from "../types.ts";
import { transcribe } from "./transcribe.ts";
import type { SpeechModel, Transcriber, TranscriptionEvent, TranscriptionRequest } from "./types.ts";

/** A forward pass with what it costs. */
export interface SpeechRunner extends SpeechModel {
  readonly sizeBytes: number;
  readonly dispatchesPerToken: number;
  readonly stepCounts: { count: number; cpuMs: number };
  readonly tokenCounts: { prompt: number; generated: number };
  destroy(): void;
}

export interface TranscriberParts {
  gpu: Pick<Gpu, "device" | "name" | "software" | "f16" | "subgroups" | "lost">;
  runner: SpeechRunner;
  tokens: WhisperTokens;
  modelId: string;
  maxQueued: number;
  weights: { sizeBytes: number; parameters: number; types: Record<string, number>; destroy(): void };
}

export class WhisperTranscriber implements Transcriber {
  readonly modelId: string;
  readonly contextLength: number;
  readonly languages: ReadonlySet<string>;
  private readonly ended = { finished: 0, stop: 0, length: 0, cancelled: 0, failed: 0, rejected: 0 };
  private readonly times = { queue: new Durations(), first: new Durations(), request: new Durations() };
  private running = 0;
  /** Those who wait for their turn, in order. */
  private readonly waiting: (() => void)[] = [];
  private audioSeconds = 0;
  /** Why nothing can be computed any more. */
  private fault: OmniError | undefined;

  constructor(private readonly parts: TranscriberParts) {
    const { gpu, runner, tokens } = parts;
    this.modelId = parts.modelId;
    this.contextLength = runner.textContext;
    this.languages = new Set(tokens.languages.keys());
    void gpu.lost.then((reason) => {
      this.fault ??= new OmniError("device_lost", `The GPU device was lost: ${reason}.`);
    });
    // An error that no scope caught means results can't be trusted: fail instead of going on.
    gpu.device.addEventListener("uncapturederror", ({ error }) => {
      this.fault ??= new OmniError("internal_error", `WebGPU reported: ${error.message}`);
    });
  }

  async *transcribe(request: TranscriptionRequest): AsyncGenerator<TranscriptionEvent, void, void> {
    const { signal } = request;
    const startMs = performance.now();
    let failure: unknown = new OmniError("aborted", "The request was cancelled."); // where the reader leaves
    let hasTurn = false;
    let audio: { samples(): AsyncGenerator<Float32Array, void, void>; close(): void } | undefined;
    let window: AudioWindow | undefined;
    try {
      checkAborted(signal);
      this.check();
      // Loaded when first needed. What is no audio is refused before it waits for anything.
      const { decodeAudio } = await import("../../media/audio/decodeAudio.ts");
      audio = await decodeAudio(request.file);
      await this.turn(signal);
      hasTurn = true;
      this.times.queue.add(performance.now() - startMs);
      window = new AudioWindow(audio.samples());
      let first = true;
      for await (const event of transcribe(this.parts.runner, this.parts.tokens, window, request)) {
        this.check();
        if (event.type === "done") this.audioSeconds += event.durationSeconds;
        else if (event.type === "segment" && first) {
          first = false;
          this.times.first.add(performance.now() - startMs);
        }
        yield event;
      }
      this.times.request.add(performance.now() - startMs);
      failure = undefined;
    } catch (error) {
      failure = await this.reasonOf(error);
      throw failure;
    } finally {
      await window?.close();
      audio?.close();
      if (hasTurn) this.release();
      this.count(failure);
    }
  }

  stats(): EngineStats {
    const { gpu, runner, weights } = this.parts;
    const none = new Durations().stats;
    const activations = runner.sizeBytes;
    return {
      adapter: {
        ...{ name: gpu.name, software: gpu.software, f16: gpu.f16 },
        subgroups: gpu.subgroups !== undefined,
      },
      model: {
        ...{ id: this.modelId, architecture: "whisper", parameters: weights.parameters },
        ...{ contextLength: this.contextLength, weightTypes: weights.types },
      },
      gpuBytes: {
        weights: weights.sizeBytes,
        kvCache: 0,
        activations,
        total: weights.sizeBytes + activations,
      },
      dispatchesPerToken: runner.dispatchesPerToken,
      steps: { ...runner.stepCounts },
      // The caches of a window belong to its activations: there are no pages.
      kvPages: { total: 0, used: 0, cached: 0, free: 0, pageSize: 0 },
      requests: { running: this.running, queued: this.waiting.length, ...this.ended, preemptions: 0 },
      tokens: { ...runner.tokenCounts, cached: 0 },
      prefixCache: { lookups: 0, hits: 0, queriedTokens: 0, evictions: 0 },
      latency: {
        ...{ queue: this.times.queue.stats, timeToFirstToken: this.times.first.stats },
        ...{ timePerToken: none, meanTimePerToken: none, request: this.times.request.stats },
        promptChunk: none,
      },
      scheduler: { maxRunning: 1, maxQueued: this.parts.maxQueued, stepsInFlight: 1 },
      tuning: { state: "off", chosen: {}, rejected: [] },
      audio: { seconds: this.audioSeconds },
    };
  }

  async dispose(): Promise<void> {
    this.fault ??= new OmniError("device_lost", "The model was disposed of.");
    this.parts.runner.destroy();
    this.parts.weights.destroy();
    this.parts.gpu.device.destroy();
  }

  private check(): void {
    if (this.fault) throw this.fault;
  }

  /** Waits until nobody else is computed. @throws OmniError `queue_full`, `aborted` */
  private async turn(signal: AbortSignal | undefined): Promise<void> {
    checkAborted(signal);
    if (this.running === 0) {
      this.running = 1;
      return;
    }
    const { maxQueued } = this.parts;
    if (this.waiting.length >= maxQueued)
      throw new OmniError("queue_full", `${maxQueued} requests wait already; try again in a moment.`);
    await new Promise<void>((resolve, reject) => {
      const onTurn = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = () => {
        this.waiting.splice(this.waiting.indexOf(onTurn), 1);
        reject(new OmniError("aborted", "The request was cancelled."));
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.waiting.push(onTurn);
    });
    if (!signal?.aborted) return;
    // The one before has left its place to this one, which was cancelled just then.
    this.release();
    checkAborted(signal);
  }

  private release(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.running = 0;
  }

  /** Whatever failed on a lost device failed because of that; the loss may be reported a moment later. */
  private async reasonOf(thrown: unknown): Promise<OmniError> {
    const error = OmniError.from(thrown);
    if (error.code !== "internal_error") return error;
    await Promise.race([this.parts.gpu.lost, new Promise((resolve) => setTimeout(resolve, 100))]);
    return this.fault ?? error;
  }

  private count(failure: unknown): void {
    const code = failure instanceof OmniError ? failure.code : failure && "internal_error";
    if (code === "queue_full") {
      this.ended.rejected++;
      return;
    }
    this.ended.finished++;
    if (!code) this.ended.stop++;
    else if (code === "aborted") this.ended.cancelled++;
    else this.ended.failed++;
  }
}
