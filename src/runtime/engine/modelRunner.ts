/** One model on one device: its activations, its KV cache and its recorded steps. */

import { attentionScratchShape } from "../../kernels/attention.ts";
import { cacheFault, createKvCache, type KvCacheType } from "../../kernels/kvCache.ts";
import { OmniError } from "../errors.ts";
import { BufferArena } from "../gpu/buffers.ts";
import type { Gpu } from "../gpu/device.ts";
import { Recording, type TunedCall } from "../gpu/recording.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { DecoderConfig } from "../models/config.ts";
import type { DecoderWeights } from "../models/decoder.ts";
import { type DecoderState, decoderState } from "../models/decoderState.ts";
import { type DecoderParts, recordHead, recordLayers } from "../models/decoderSteps.ts";
import { axisCount } from "./axisPositions.ts";
import { GpuSampler, type SampledRow } from "./gpuSampler.ts";
import { MediaRows } from "./mediaRows.ts";
import { PageCopier } from "./pageCopier.ts";
import { Readback } from "./readback.ts";
import { Sequence } from "./sequence.ts";
import { StepBuffers } from "./stepBuffers.ts";
import type { StepPart, StepPlan } from "./stepPlan.ts";

export interface RunnerOptions {
  /** Most positions of a sequence. */
  contextLength: number;
  /** Positions that the KV cache holds, of all sequences together. Default: `contextLength`. */
  capacity?: number;
  cacheType: KvCacheType;
  /** Most tokens in one prefill part, T. */
  chunkTokens: number;
  /** Sequences that have a slot at once, B. @default 1 */
  maxRunning?: number;
  /** Most alternatives that a request may ask for. @default 0 */
  maxTopLogprobs?: number;
  /** Rows of encoded pictures and sounds that there is room for, M. @default 0 */
  mediaRows?: number;
}

export const pageSize = 32;
/** Logits of a step are kept below this. */
const maxLogitsBytes = 32 * 2 ** 20;
/** Rows of the recordings for decode, and outputs of those for draws. All compute a row in the same way. */
const rowSizes = [1, 8];

const smallestFor = (rows: number) => rowSizes.findIndex((most) => rows <= most);
const nothing: SampledRow = { token: undefined, logprob: undefined };

/** The recorded steps of a model. */
interface Steps {
  /** For each of {@link rowSizes}. */
  decodes: Recording[];
  prefill: Recording;
  heads: Head[];
}

/** From the residual stream to logits, and from these to tokens. */
interface Head {
  logits: Recording;
  sample: Recording;
}

export class ModelRunner {
  readonly pageCount: number;
  readonly chunkTokens: number;
  /** Most rows of a decode part, and most outputs of a part where not all rows of a prompt are wanted. */
  readonly maxRows = rowSizes.at(-1)!;
  /** R: most outputs in one part. */
  readonly maxOutputs: number;
  readonly sampler: GpuSampler;
  /** Where the model takes more than text. */
  readonly media: MediaRows | undefined;
  private readonly state: DecoderState;
  private readonly cacheType: KvCacheType;
  private readonly parts: DecoderParts;
  private readonly readback: Readback;
  private readonly steps: StepBuffers;
  private readonly copier: PageCopier;
  private readonly activations: BufferArena;
  private readonly cache: BufferArena;
  private recorded: Steps;
  private readonly recordSteps: () => Steps;
  private readonly record: (maxTokens: number, maxOutputs: number) => Recording;
  private readonly submitted = { count: 0, cpuMs: 0 };
  private manyHead: { head: Head; ready: Promise<unknown> } | undefined;

  /** Allocates everything and starts compiling; {@link compile} waits for it. */
  constructor(
    private readonly gpu: Gpu,
    private readonly config: DecoderConfig,
    weights: DecoderWeights,
    options: RunnerOptions,
  ) {
    const { kvHeads, headWidth, layers, vocab } = config;
    const { chunkTokens, maxRunning = 1, capacity = options.contextLength } = options;
    this.cacheType = options.cacheType;
    this.pageCount = Math.ceil(capacity / pageSize);
    this.chunkTokens = chunkTokens;
    const fitting = Math.floor(maxLogitsBytes / (vocab * 4));
    this.maxOutputs = Math.max(this.maxRows, Math.min(chunkTokens, fitting));
    const maxTokens = Math.max(chunkTokens, this.maxRows);
    this.activations = new BufferArena(gpu, "activations");
    this.cache = new BufferArena(gpu, "kv cache");
    this.steps = new StepBuffers(gpu, {
      tokens: maxTokens,
      outputs: this.maxOutputs,
      sequences: maxRunning,
      pages: Math.ceil(options.contextLength / pageSize),
      axes: config.rope.axes ? axisCount : 1,
      window: options.mediaRows ? config.slidingWindow?.size : undefined,
    });
    this.readback = new Readback(gpu);
    this.state = decoderState(config, this.activations, maxTokens, this.maxOutputs, options.mediaRows);
    this.media = this.state.media && new MediaRows(this.state.media, this.state.deepMedia, chunkTokens);
    this.sampler = new GpuSampler(gpu, {
      ...{ vocab, slots: maxRunning, maxOutputs: this.maxOutputs, contextLength: options.contextLength },
      maxTopLogprobs: Math.min(options.maxTopLogprobs ?? 0, vocab),
    });
    const sizes = { type: options.cacheType, pages: this.pageCount, pageSize, kvHeads, headWidth };
    const caches = Array.from({ length: layers }, (_, i) => createKvCache(this.cache, String(i), sizes));
    const planes = caches.flatMap(({ keys, values }) => [keys, values]);
    this.copier = new PageCopier(planes, this.pageCount, this.activations);

    this.record = (tokens, outputs) => new Recording(gpu, this.steps.size, { tokens, outputs });
    const { inputs } = this.steps;
    this.parts = { config, weights, inputs, caches, state: this.state, sampled: this.sampler.sampled };
    const layersOf = (steps: "decode" | "any", maxTokens: number, attentionScratch?: Tensor) => {
      const recording = this.record(maxTokens, this.maxOutputs);
      const state = attentionScratch
        ? Object.create(this.state, { attentionScratch: { value: attentionScratch } })
        : this.state;
      recordLayers(recording, { ...this.parts, state }, steps);
      return recording;
    };
    const scratches = rowSizes.map((tokens) => {
      const sizes = { tokens, heads: config.heads, headWidth, capacity: options.contextLength };
      const shape = attentionScratchShape(gpu, sizes);
      return shape && this.activations.tensor("attention scratch", "f32", shape);
    });
    this.recordSteps = () => ({
      decodes: rowSizes.map((tokens, i) => layersOf("decode", tokens, scratches[i])),
      prefill: layersOf("any", chunkTokens),
      heads: rowSizes.map((outputs) => this.headOf(maxTokens, outputs)),
    });
    this.recorded = this.recordSteps();
  }

  async compile(): Promise<void> {
    await compileAll(this.recorded);
  }

  /** Kernels of all steps that have variants, as they are recorded. */
  get tuned(): TunedCall[] {
    return recordingsOf(this.recorded).flatMap(({ tuned }) => tuned);
  }

  /** Queues what steps are told, after something else was written there. */
  restoreInputs(): void {
    this.steps.restore();
  }

  /** Records the same steps with the variants that are known by now. They are in effect after `use`, between two steps. */
  async recordAgain(): Promise<{ tuned: TunedCall[]; use: () => void }> {
    const recorded = this.recordSteps();
    const manyHead = this.manyHead && this.createManyHead();
    await Promise.all([compileAll(recorded), manyHead?.ready]);
    return {
      tuned: recordingsOf(recorded).flatMap(({ tuned }) => tuned),
      use: () => {
        this.recorded = recorded;
        if (manyHead) this.manyHead = manyHead;
      },
    };
  }

  /** Runs each recording once, as drivers finish compiling at first use. Leaves numbers in pages that nobody has yet. */
  async warmUp(): Promise<void> {
    const sequence = new Sequence(0, { prompt: [0], maxTokens: 0, endTokens: new Set() });
    sequence.slot = 0;
    sequence.pages.push(0);
    const output = { row: 0, sequence, draw: -1, position: 0 };
    for (const kind of ["prefill", "decode"] as const)
      for (const tokens of kind === "prefill" ? [1] : rowSizes)
        this.submit({
          kind,
          tokens,
          entries: Array.from({ length: tokens }, () => ({ sequence, start: 0, count: 1 })),
          outputs: Array.from({ length: kind === "prefill" ? 0 : tokens }, () => output),
        });
    await this.gpu.device.queue.onSubmittedWorkDone();
  }

  /** Parts submitted so far, and the time that this thread spent on encoding, submitting and reading them back. */
  get stepCounts(): { count: number; cpuMs: number } {
    return { count: this.submitted.count, cpuMs: this.submitted.cpuMs + this.readback.cpuMs };
  }

  get dispatchesPerToken(): number {
    const { decodes, heads } = this.recorded;
    const [decode, head] = [decodes[0]!, heads[0]!];
    return decode.dispatchCount + head.logits.dispatchCount + head.sample.dispatchCount;
  }

  get gpuBytes(): { kvCache: number; activations: number } {
    return {
      kvCache: this.cache.sizeBytes,
      activations:
        this.activations.sizeBytes + this.steps.sizeBytes + this.readback.sizeBytes + this.sampler.sizeBytes,
    };
  }

  /** Copies pages; what is submitted later sees the copies. */
  copyPages(copies: StepPlan["copies"]): void {
    if (copies.length === 0) return;
    const encoder = this.gpu.device.createCommandEncoder();
    this.copier.encode(encoder, copies);
    this.gpu.device.queue.submit([encoder.finish()]);
  }

  /** Bytes of a page in all layers. */
  get pageBytes(): number {
    return this.copier.sizeBytes;
  }

  /** A page's content after all that has been submitted. */
  readPage(page: number): Promise<ArrayBuffer> {
    const encoder = this.gpu.device.createCommandEncoder();
    const wait = this.readback.copy(encoder, this.copier.stage(encoder, page), this.pageBytes);
    this.gpu.device.queue.submit([encoder.finish()]);
    return wait();
  }

  /** Sets a page's content for all that is submitted later. */
  writePage(page: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.copier.write(this.gpu.device.queue, page, bytes);
  }

  /**
   * Computes a part of a step and draws its tokens. Submitted at once; a part with `allRows` needs
   * {@link compileManyHead} first.
   * @param beforeDraw called when the GPU has begun to compute, before it draws: to set masks
   * @returns what came of each output, once the GPU is done
   */
  submit(part: StepPart, beforeDraw?: () => void): Promise<SampledRow[]> {
    const startMs = performance.now();
    const result = this.start(part, beforeDraw);
    this.submitted.count++;
    this.submitted.cpuMs += performance.now() - startMs;
    return result;
  }

  private start(part: StepPart, beforeDraw?: () => void): Promise<SampledRow[]> {
    const { queue } = this.gpu.device;
    const size = { tokens: part.tokens, outputs: part.outputs.length };
    const encoder = this.encode(part);
    if (size.outputs === 0) {
      queue.submit([encoder.finish()]);
      return queue.onSubmittedWorkDone().then(() => []);
    }
    let drawing = encoder;
    if (beforeDraw) {
      queue.submit([encoder.finish()]);
      beforeDraw();
      drawing = this.gpu.device.createCommandEncoder();
    }
    const pass = drawing.beginComputePass();
    this.headFor(part).sample.encode(pass, size);
    pass.end();
    const { sampler } = this;
    const results = this.readback.copy(drawing, sampler.results, sampler.resultBytes(size.outputs));
    const faults = this.readback.copy(drawing, this.state.faults, 4);
    queue.submit([drawing.finish()]);
    return Promise.all([results(), faults()]).then(([drawn, flags]) => {
      this.checkFaults(new Uint32Array(flags)[0]!);
      return sampler.parse(drawn, size.outputs).map((row) => row ?? nothing);
    });
  }

  /** @throws OmniError `unsupported_model` where keys or values did not fit the cache; once, for whoever runs then */
  private checkFaults(flags: number): void {
    const fault = cacheFault(flags, this.cacheType);
    if (!fault) return;
    this.gpu.device.queue.writeBuffer(this.state.faults.buffer, 0, Uint32Array.of(0));
    throw fault;
  }

  /** Logits (R, V) of a part's outputs. */
  async logits(part: StepPart): Promise<Float32Array> {
    if (part.allRows) await this.compileManyHead();
    const encoder = this.encode(part);
    const sizeBytes = part.outputs.length * this.config.vocab * 4;
    const wait = this.readback.copy(encoder, this.state.logits, sizeBytes);
    this.gpu.device.queue.submit([encoder.finish()]);
    return new Float32Array(await wait());
  }

  /** The head for all rows of a prompt is only needed by `echo` with log-probabilities: made when first asked for. */
  async compileManyHead(): Promise<void> {
    this.manyHead ??= this.createManyHead();
    await this.manyHead.ready;
  }

  private createManyHead(): { head: Head; ready: Promise<unknown> } {
    const head = this.headOf(this.chunkTokens, this.maxOutputs);
    return { head, ready: Promise.all([head.logits.compile(), head.sample.compile()]) };
  }

  /** Commands for all of a part up to its logits. */
  private encode(part: StepPart): GPUCommandEncoder {
    const { tokens, kind, outputs } = part;
    const size = { tokens, outputs: outputs.length };
    const fits = kind === "decode" ? tokens <= this.maxRows : tokens <= this.chunkTokens;
    if (!fits || size.outputs > (part.allRows ? this.maxOutputs : this.maxRows))
      throw new OmniError(
        "internal_error",
        `${kind} of ${tokens} tokens, ${size.outputs} outputs is too large.`,
      );
    const { decodes, prefill } = this.recorded;
    this.steps.write(part, pageSize, this.media);
    const encoder = this.gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    (kind === "decode" ? decodes[smallestFor(tokens)]! : prefill).encode(pass, size);
    if (size.outputs > 0) this.headFor(part).logits.encode(pass, size);
    pass.end();
    return encoder;
  }

  /** Which kernels compute logits depends on the kind of part alone, never on its size. */
  private headFor({ allRows, outputs }: StepPart): Head {
    return allRows ? this.manyHead!.head : this.recorded.heads[smallestFor(outputs.length)]!;
  }

  private headOf(maxTokens: number, maxOutputs: number): Head {
    const { rowSlots, rowDraws } = this.steps;
    const logits = this.record(maxTokens, maxOutputs);
    recordHead(logits, this.parts);
    const sample = this.record(maxTokens, maxOutputs);
    this.sampler.record(sample, { logits: this.state.logits, rowSlots, rowDraws }, "next");
    return { logits, sample };
  }

  destroy(): void {
    this.steps.destroy();
    this.readback.destroy();
    this.sampler.destroy();
    this.activations.destroy();
    this.cache.destroy();
  }
}

function recordingsOf({ decodes, prefill, heads }: Steps): Recording[] {
  return [...decodes, prefill, ...heads.flatMap(({ logits, sample }) => [logits, sample])];
}

async function compileAll(steps: Steps): Promise<void> {
  await Promise.all(recordingsOf(steps).map((recording) => recording.compile()));
}
