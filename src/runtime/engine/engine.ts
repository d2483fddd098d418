/** The engine of one loaded model: takes requests in turn and keeps the last conversation's cache. */

import { invalidRequest, OmniError } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import type { DecoderConfig } from "../models/config.ts";
import type { Tokenizer } from "../text/types.ts";
import { runGeneration } from "./generation.ts";
import type { ModelRunner } from "./modelRunner.ts";
import { CachedSequence } from "./pages.ts";
import { FifoLock } from "./queue.ts";
import type { Engine, EngineStats, GenerationEvent, GenerationRequest } from "./types.ts";

export interface EngineParts {
  gpu: Gpu;
  config: DecoderConfig;
  runner: ModelRunner;
  tokenizer: Tokenizer;
  modelId: string;
  contextLength: number;
  weights: { sizeBytes: number; parameters: number; types: Record<string, number>; destroy(): void };
}

export class DecoderEngine implements Engine {
  readonly modelId: string;
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
  private readonly lock = new FifoLock();
  /** The last conversation: a request that starts with the same tokens goes on from there. */
  private readonly sequence: CachedSequence;
  private readonly finished = { requests: 0, promptTokens: 0, generatedTokens: 0 };
  /** Why the engine can no longer compute. */
  private fault: OmniError | undefined;

  constructor(private readonly parts: EngineParts) {
    this.modelId = parts.modelId;
    this.tokenizer = parts.tokenizer;
    this.contextLength = parts.contextLength;
    this.sequence = new CachedSequence(parts.runner.pages);
    void parts.gpu.lost.then((reason) => {
      this.fault ??= new OmniError("device_lost", `The GPU device was lost: ${reason}.`);
    });
    // An error that no scope caught means results can't be trusted: fail instead of going on.
    parts.gpu.device.addEventListener("uncapturederror", ({ error }) => {
      this.fault ??= new OmniError("internal_error", `WebGPU reported: ${error.message}`);
    });
  }

  async *generate(request: GenerationRequest): AsyncGenerator<GenerationEvent, void, void> {
    this.check(request);
    const release = await this.lock.acquire(request.signal);
    try {
      if (this.fault) throw this.fault;
      const { runner, tokenizer } = this.parts;
      const events = runGeneration(request, runner, tokenizer, this.sequence, this.contextLength);
      for await (const event of events) {
        if (this.fault) throw this.fault;
        if (event.type === "done") {
          this.finished.promptTokens += event.timings.promptTokens;
          this.finished.generatedTokens += event.timings.predictedTokens;
        }
        yield event;
      }
    } catch (error) {
      if (error instanceof OmniError) throw error;
      // Whatever failed on a lost device failed because of that; the loss may be reported a moment later.
      await Promise.race([this.parts.gpu.lost, new Promise((resolve) => setTimeout(resolve, 100))]);
      throw this.fault ?? OmniError.from(error);
    } finally {
      this.finished.requests++;
      release();
    }
  }

  stats(): EngineStats {
    const { gpu, config, runner, weights } = this.parts;
    const gpuBytes = { weights: weights.sizeBytes, ...runner.gpuBytes };
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
      kvPages: { total: runner.pages.count, used: runner.pages.used, pageSize: runner.pages.pageSize },
      requests: {
        running: this.lock.held ? 1 : 0,
        queued: this.lock.queued,
        finished: this.finished.requests,
      },
      tokens: { prompt: this.finished.promptTokens, generated: this.finished.generatedTokens },
    };
  }

  async dispose(): Promise<void> {
    this.fault ??= new OmniError("device_lost", "The engine was disposed of.");
    this.parts.runner.destroy();
    this.parts.weights.destroy();
    this.parts.gpu.device.destroy();
  }

  private check({ promptTokens, maxTokens }: GenerationRequest): void {
    if (promptTokens.length === 0) throw invalidRequest("The prompt has no tokens.", "prompt");
    const bad = promptTokens.find((t) => !Number.isInteger(t) || t < 0 || t >= this.parts.config.vocab);
    if (bad !== undefined)
      throw invalidRequest(`Token ${bad} is not in the vocabulary of ${this.parts.config.vocab}.`, "prompt");
    const asked = promptTokens.length + (maxTokens === undefined ? 1 : Math.min(maxTokens, 1));
    if (asked > this.contextLength)
      throw invalidRequest(
        `This model's maximum context length is ${this.contextLength} tokens. However, your messages resulted in ` +
          `${promptTokens.length} tokens. Please reduce the length of the messages.`,
        "messages",
        "context_length_exceeded",
      );
  }
}
