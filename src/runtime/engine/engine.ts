/** The engine of one loaded model: computes many requests together and keeps what prompts have in common. */

import { invalidRequest, OmniError } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import type { VariantEntries } from "../gpu/tuning.ts";
import type { DecoderConfig } from "../models/config.ts";
import type { Tokenizer } from "../text/types.ts";
import type { CachePersistence, CachePersistenceParts } from "./cachePersistence.ts";
import { Generation } from "./generation.ts";
import type { MediaEncoder } from "./media/mediaEncoder.ts";
import { isMediaToken } from "./mediaRows.ts";
import { type ModelRunner, pageSize } from "./modelRunner.ts";
import { StepLoop } from "./stepLoop.ts";
import { Tuner, type TunerHost, type TunerOptions, variantsOf } from "./tuner.ts";
import { tuningTasks } from "./tuningTask.ts";
import {
  checkAborted,
  type Engine,
  type EngineStats,
  type FinishReason,
  type GenerationEvent,
  type GenerationRequest,
} from "./types.ts";

export interface EngineParts {
  gpu: Gpu;
  config: DecoderConfig;
  runner: ModelRunner;
  tokenizer: Tokenizer;
  modelId: string;
  contextLength: number;
  maxRunning: number;
  maxQueued: number;
  fingerprint: string;
  /** How kernels are tuned, if at all, and the fingerprint with other variants in use. */
  tuning: { options: TunerOptions; fingerprint: (chosen: VariantEntries) => Promise<string> } | undefined;
  /** Makes what keeps pages beyond the engine's life. */
  persistence:
    | ((parts: Pick<CachePersistenceParts, "pool" | "cache" | "memory">) => CachePersistence)
    | undefined;
  /** Where the model takes more than text. */
  media?: MediaEncoder | undefined;
  weights: { sizeBytes: number; parameters: number; types: Record<string, number>; destroy(): void };
}

export class DecoderEngine implements Engine {
  readonly modelId: string;
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
  readonly maxRunning: number;
  readonly media: MediaEncoder | undefined;
  /** Changes where tuning changes what numbers depend on. */
  fingerprint: string;
  private readonly tuner: Tuner | undefined;
  private readonly loop: StepLoop;
  private readonly persistence: CachePersistence | undefined;
  private readonly ended = { finished: 0, stop: 0, length: 0, cancelled: 0, failed: 0, rejected: 0 };
  /** Why the engine can no longer compute. */
  private fault: OmniError | undefined;

  constructor(private readonly parts: EngineParts) {
    const { gpu, runner, contextLength, maxRunning, maxQueued } = parts;
    this.modelId = parts.modelId;
    this.tokenizer = parts.tokenizer;
    this.contextLength = contextLength;
    this.maxRunning = maxRunning;
    this.media = parts.media;
    this.fingerprint = parts.fingerprint;
    this.loop = new StepLoop(runner, {
      ...{ contextLength, maxRunning, maxQueued, pageSize },
      onFailure: (thrown) => this.reasonOf(thrown),
    });
    const { pool, cache } = this.loop.scheduler;
    this.persistence = parts.persistence?.({ pool, cache, memory: runner });
    this.tuner = parts.tuning && new Tuner(this.tunerHost(), parts.tuning.options);
    void gpu.lost.then((reason) =>
      this.break(new OmniError("device_lost", `The GPU device was lost: ${reason}.`)),
    );
    // An error that no scope caught means results can't be trusted: fail instead of going on.
    gpu.device.addEventListener("uncapturederror", ({ error }) =>
      this.break(new OmniError("internal_error", `WebGPU reported: ${error.message}`)),
    );
  }

  async *generate(request: GenerationRequest): AsyncGenerator<GenerationEvent, void, void> {
    this.check(request);
    const { signal, promptLogprobs, maxTokens, promptTokens, cachePrompt = true } = request;
    checkAborted(signal);
    if (this.fault) throw this.fault;
    if (promptLogprobs) await this.parts.runner.compileManyHead();
    if (this.persistence && cachePrompt && !promptLogprobs)
      await this.persistence.restore(untilMedia(promptTokens));
    const constraint = request.constraint && maxTokens !== 0 ? await request.constraint() : undefined;
    const { loop, tokenizer, contextLength } = this;
    const generation = new Generation(request, constraint, tokenizer, contextLength, () => loop.wake());
    const cancelled = () => new OmniError("aborted", "The request was cancelled.");
    const onAbort = () => {
      generation.fail(cancelled());
      loop.remove(generation);
    };
    let failure: unknown = cancelled(); // where the reader leaves
    try {
      checkAborted(signal);
      if (this.fault) throw this.fault;
      loop.add(generation);
      signal?.addEventListener("abort", onAbort, { once: true });
      yield* generation.events();
      failure = undefined;
      if (cachePrompt) void this.persistence?.save(untilMedia(generation.sequence!.tokens));
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      loop.remove(generation);
      generation.dispose();
      this.count(failure, generation.finishReason);
    }
  }

  stats(): EngineStats {
    const { gpu, config, runner, weights } = this.parts;
    const { loop } = this;
    const { scheduler } = loop;
    const { pool } = scheduler;
    const { kvCache, activations } = runner.gpuBytes;
    const gpuBytes = {
      ...{ weights: weights.sizeBytes, kvCache },
      activations: activations + (this.media?.sizeBytes ?? 0),
    };
    return {
      adapter: {
        name: gpu.name,
        software: gpu.software,
        f16: gpu.f16,
        subgroups: gpu.subgroups !== undefined,
      },
      model: {
        id: this.modelId,
        architecture: config.architecture,
        parameters: weights.parameters,
        contextLength: this.contextLength,
        weightTypes: weights.types,
      },
      gpuBytes: { ...gpuBytes, total: gpuBytes.weights + gpuBytes.kvCache + gpuBytes.activations },
      dispatchesPerToken: runner.dispatchesPerToken,
      steps: runner.stepCounts,
      kvPages: {
        total: pool.count,
        used: pool.used,
        cached: pool.cached,
        free: pool.available - pool.cached,
        pageSize: pool.pageSize,
      },
      requests: {
        running: scheduler.running,
        queued: scheduler.queued,
        ...this.ended,
        preemptions: scheduler.counts.preemptions,
      },
      tokens: { ...loop.counts },
      prefixCache: {
        lookups: scheduler.counts.lookups,
        hits: scheduler.counts.hits,
        queriedTokens: loop.queriedTokens,
        evictions: scheduler.cache.counts.evictions,
      },
      latency: {
        queue: loop.queueTimes.stats,
        timeToFirstToken: loop.firstTokenTimes.stats,
        timePerToken: loop.tokenTimes.stats,
        meanTimePerToken: loop.meanTokenTimes.stats,
        request: loop.requestTimes.stats,
        promptChunk: loop.chunkTimes.stats,
      },
      tuning: {
        chosen: variantsOf(runner.tuned),
        ...(this.tuner?.stats ?? { state: "off", rejected: [] }),
      },
      scheduler: {
        maxRunning: this.maxRunning,
        maxQueued: this.parts.maxQueued,
        stepsInFlight: scheduler.stepsInFlight,
      },
    };
  }

  async dispose(): Promise<void> {
    this.break(new OmniError("device_lost", "The engine was disposed of."));
    await this.tuner?.done;
    await this.persistence?.settled();
    this.media?.destroy();
    this.parts.runner.destroy();
    this.parts.weights.destroy();
    this.parts.gpu.device.destroy();
  }

  private break(fault: OmniError): void {
    this.fault ??= fault;
    this.tuner?.stop();
    this.loop.failAll(this.fault);
  }

  private tunerHost(): TunerHost {
    const { loop } = this;
    const { gpu, runner, tuning } = this.parts;
    return {
      get idle() {
        return loop.idle;
      },
      get requests() {
        return loop.requests;
      },
      tasks: () => tuningTasks(gpu, runner.tuned, () => runner.restoreInputs()),
      choose: (key, variant) => gpu.tuning.set(key, variant),
      apply: async (quiet) => {
        const swap = await runner.recordAgain();
        const fingerprint = await tuning!.fingerprint(variantsOf(swap.tuned));
        await quiet();
        swap.use();
        this.fingerprint = fingerprint;
      },
    };
  }

  /** Whatever failed on a lost device failed because of that; the loss may be reported a moment later. */
  private async reasonOf(thrown: unknown): Promise<OmniError> {
    await Promise.race([this.parts.gpu.lost, new Promise((resolve) => setTimeout(resolve, 100))]);
    this.fault ??= OmniError.from(thrown);
    return this.fault;
  }

  private count(failure: unknown, reason: FinishReason | undefined): void {
    if (failure === undefined && reason) this.ended[reason]++;
    const code = failure instanceof OmniError ? failure.code : failure && "internal_error";
    if (code === "queue_full") this.ended.rejected++;
    else this.ended.finished++;
    if (code === "aborted") this.ended.cancelled++;
    else if (code && code !== "queue_full") this.ended.failed++;
  }

  private check({ promptTokens, maxTokens, contextShift, promptLogprobs }: GenerationRequest): void {
    if (promptTokens.length === 0) throw invalidRequest("The prompt has no tokens.", "prompt");
    const { config, runner } = this.parts;
    const isText = (t: number) => Number.isInteger(t) && t >= 0 && t < config.vocab;
    const bad = promptTokens.find((t) => !isText(t) && !runner.media?.has(t));
    if (bad !== undefined)
      throw invalidRequest(`Token ${bad} is not in the vocabulary of ${config.vocab}.`, "prompt");
    if (promptLogprobs && promptTokens.some(isMediaToken))
      throw invalidRequest("Log-probabilities of a prompt are given for text only.", "prompt_logprobs");
    if (runner.media?.hasWholeSpans(promptTokens) === false)
      throw invalidRequest("The prompt has only a part of a picture whose tokens see each other.", "prompt");
    const asked = promptTokens.length + (maxTokens === undefined ? 1 : Math.min(maxTokens, 1));
    if (asked > this.contextLength)
      throw invalidRequest(
        `This model's maximum context length is ${this.contextLength} tokens. However, your messages resulted in ` +
          `${promptTokens.length} tokens. Please reduce the length of the messages.`,
        "messages",
        "context_length_exceeded",
      );
    // Half of what is not kept goes at each shift; that must be something.
    if (contextShift && !(contextShift.keep >= 0 && contextShift.keep <= this.contextLength - 2))
      throw invalidRequest(
        `contextShift.keep is ${contextShift.keep}; expected 0 to ${this.contextLength - 2} tokens.`,
        "n_keep",
      );
  }
}

/** What precedes the first token of media: their numbers mean something else after a reload. */
function untilMedia(tokens: readonly number[]): readonly number[] {
  const first = tokens.findIndex(isMediaToken);
  return first < 0 ? tokens : tokens.slice(0, first);
}
