/** One model on one device: its activations, its KV cache and its recorded steps. */

import { attentionScratchShape } from "../../kernels/attention.ts";
import type { KvCache } from "../../kernels/kvCache.ts";
import { OmniError } from "../errors.ts";
import { BufferArena } from "../gpu/buffers.ts";
import type { Gpu } from "../gpu/device.ts";
import { Recording } from "../gpu/recording.ts";
import type { BufferSlice, Tensor } from "../gpu/tensor.ts";
import type { DecoderConfig } from "../models/config.ts";
import {
  type DecoderState,
  type DecoderWeights,
  decoderState,
  recordHead,
  recordLayers,
} from "../models/decoder.ts";
import { ChunkSize } from "./chunkSize.ts";
import { CachedSequence, PagePool } from "./pages.ts";
import { Readback } from "./readback.ts";
import { type Step, StepBuffers } from "./stepBuffers.ts";

export interface RunnerOptions {
  /** Positions that the KV cache holds. */
  contextLength: number;
  cacheType: "f32" | "f16";
  /** Most tokens in one prefill step, T. */
  chunkTokens: number;
}

const pageSize = 32;
/** Logits of a step are kept below this. */
const maxLogitsBytes = 32 * 2 ** 20;

export class ModelRunner {
  readonly pages: PagePool;
  /** How many prompt tokens to take at once, by the speed so far. */
  readonly chunkSize: ChunkSize;
  readonly chunkTokens: number;
  /** R: most output rows in one step. */
  readonly maxOutputs: number;
  private readonly steps: StepBuffers;
  private readonly state: DecoderState;
  private readonly readback: Readback;
  private readonly activations: BufferArena;
  private readonly cache: BufferArena;
  private readonly decode: Recording;
  private readonly prefill: Recording;
  private readonly head: Recording;
  private readonly record: (maxTokens: number, maxOutputs: number) => Recording;
  private manyHead: { recording: Recording; ready: Promise<void> } | undefined;

  /** Allocates everything and starts compiling; {@link compile} waits for it. */
  constructor(
    private readonly gpu: Gpu,
    private readonly config: DecoderConfig,
    private readonly weights: DecoderWeights,
    options: RunnerOptions,
  ) {
    const { kvHeads, headWidth, layers, vocab } = config;
    const pageCount = Math.ceil(options.contextLength / pageSize);
    this.chunkTokens = options.chunkTokens;
    this.chunkSize = new ChunkSize(options.chunkTokens);
    this.maxOutputs = Math.max(1, Math.min(options.chunkTokens, Math.floor(maxLogitsBytes / (vocab * 4))));
    this.pages = new PagePool(pageCount, pageSize);
    this.activations = new BufferArena(gpu, "activations");
    this.cache = new BufferArena(gpu, "kv cache");
    this.steps = new StepBuffers(gpu, this.chunkTokens, this.maxOutputs, pageCount);
    this.readback = new Readback(gpu);
    this.state = decoderState(config, this.activations, this.chunkTokens, this.maxOutputs);
    const capacity = pageCount * pageSize;
    const scratchShape = attentionScratchShape(gpu, { tokens: 1, heads: config.heads, headWidth, capacity });
    const scratch = scratchShape && this.activations.tensor("attention scratch", "f32", scratchShape);
    const shape = [pageCount, kvHeads, pageSize, headWidth];
    const caches = Array.from({ length: layers }, (_, i): KvCache => {
      const tensor = (name: string) => this.cache.tensor(`${name} ${i}`, options.cacheType, shape);
      return {
        keys: tensor("keys"),
        values: tensor("values"),
        pages: pageCount,
        pageSize,
        kvHeads,
        headWidth,
      };
    });

    this.record = (tokens, outputs) => new Recording(gpu, this.steps.size, { tokens, outputs });
    const layersOf = (maxTokens: number, attentionScratch?: Tensor) => {
      const recording = this.record(maxTokens, this.maxOutputs);
      recordLayers(recording, config, weights, this.steps.inputs, caches, {
        ...this.state,
        attentionScratch,
      });
      return recording;
    };
    this.decode = layersOf(1, scratch);
    this.prefill = layersOf(this.chunkTokens);
    this.head = this.record(this.chunkTokens, 1);
    recordHead(this.head, config, weights, this.steps.inputs, this.state);
  }

  async compile(): Promise<void> {
    await Promise.all([this.decode.compile(), this.prefill.compile(), this.head.compile()]);
  }

  /** Runs each recording once, as drivers finish compiling at first use. Leaves numbers in a page that nobody reads. */
  async warmUp(): Promise<void> {
    const sequence = new CachedSequence(this.pages);
    const tokens = [0, 0].slice(0, this.chunkTokens);
    sequence.append(tokens);
    await this.run({ sequence, tokens, start: 0, outputRows: [] });
    await this.best({ sequence, tokens: [0], start: 0, outputRows: [0] });
    sequence.truncate(0);
  }

  get dispatchesPerToken(): number {
    return this.decode.dispatchCount + this.head.dispatchCount;
  }

  get gpuBytes(): { kvCache: number; activations: number } {
    return {
      kvCache: this.cache.sizeBytes,
      activations: this.activations.sizeBytes + this.steps.sizeBytes + this.readback.sizeBytes,
    };
  }

  /** Computes a step whose logits nobody wants; resolves when the GPU is done. */
  async run(step: Step): Promise<void> {
    this.submit(step);
    await this.gpu.device.queue.onSubmittedWorkDone();
  }

  /** The most probable token after the step's one output row. */
  async best(step: Step): Promise<number> {
    return new Uint32Array(await this.submit(step, this.state.best, 4)!())[0]!;
  }

  /**
   * As {@link best}, for a step of one token that is taken from the step before it on the GPU. Submitted at once;
   * resolves when the token has come back.
   */
  async nextBest(step: Step): Promise<number> {
    return new Uint32Array(await this.submit(step, this.state.best, 4, true)!())[0]!;
  }

  /** Logits (R, V) of the step's output rows. */
  async logits(step: Step): Promise<Float32Array> {
    if (step.outputRows.length > 1) await this.compileManyHead();
    const sizeBytes = step.outputRows.length * this.config.vocab * 4;
    return new Float32Array(await this.submit(step, this.state.logits, sizeBytes)!());
  }

  destroy(): void {
    this.steps.destroy();
    this.readback.destroy();
    this.activations.destroy();
    this.cache.destroy();
  }

  /** The head for several rows is only needed by `echo` with log-probabilities: made when first asked for. */
  private compileManyHead(): Promise<void> {
    if (!this.manyHead) {
      const recording = this.record(this.chunkTokens, this.maxOutputs);
      recordHead(recording, this.config, this.weights, this.steps.inputs, this.state);
      this.manyHead = { recording, ready: recording.compile() };
    }
    return this.manyHead.ready;
  }

  private submit(
    step: Step,
    read?: BufferSlice,
    readBytes = 0,
    afterBest = false,
  ): (() => Promise<ArrayBuffer>) | undefined {
    const size = { tokens: step.tokens.length, outputs: step.outputRows.length };
    if (size.tokens > this.chunkTokens || size.outputs > this.maxOutputs)
      throw new OmniError(
        "internal_error",
        `A step of ${size.tokens} tokens, ${size.outputs} outputs is too large.`,
      );
    this.steps.write(step);
    const encoder = this.gpu.device.createCommandEncoder();
    if (afterBest) {
      const { tokens } = this.steps.inputs;
      encoder.copyBufferToBuffer(this.state.best.buffer, 0, tokens.buffer, tokens.offsetBytes, 4);
    }
    const pass = encoder.beginComputePass();
    (size.tokens === 1 ? this.decode : this.prefill).encode(pass, size);
    if (size.outputs === 1) this.head.encode(pass, size);
    if (size.outputs > 1) this.manyHead!.recording.encode(pass, size);
    pass.end();
    const wait = read && this.readback.copy(encoder, read, readBytes);
    this.gpu.device.queue.submit([encoder.finish()]);
    return wait;
  }
}
