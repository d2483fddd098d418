/** Whisper's forward pass on the GPU: recordings that are replayed, and what they are told. */

import { OmniError } from "../../errors.ts";
import { BufferArena } from "../../gpu/buffers.ts";
import type { Gpu } from "../../gpu/device.ts";
import { Recording, type StepSize } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { alignmentHeads, type WhisperConfig } from "../../models/whisper/config.ts";
import {
  type DecoderParts,
  type DecoderState,
  decoderState,
  recordEmbedding,
  recordHead,
  recordLayer,
} from "../../models/whisper/decoder.ts";
import {
  type EncoderState,
  encoderState,
  recordEncoder,
  samplesPerPosition,
} from "../../models/whisper/encoder.ts";
import type { WhisperWeights } from "../../models/whisper/weights.ts";
import { Readback } from "../readback.ts";
import type { SpeechRunner } from "./transcriber.ts";

/** Rows of a step whose logits can be wanted: where silence shows, and the last. */
const maxOutputs = 2;

export class WhisperRunner implements SpeechRunner {
  readonly vocab: number;
  readonly textContext: number;
  readonly audioContext: number;
  /** Steps since the start, and this thread's time for them. */
  readonly stepCounts = { count: 0, cpuMs: 0 };
  /** Tokens of prompts, and those that were fed back, since the start. */
  readonly tokenCounts = { prompt: 0, generated: 0 };
  private readonly arena: BufferArena;
  private readonly readback: Readback;
  private readonly step: Tensor;
  /** The samples of a window, with the silence behind them. */
  private readonly window: Float32Array<ArrayBuffer>;
  private readonly encoderState: EncoderState;
  private readonly state: DecoderState;
  private readonly parts: DecoderParts;
  private readonly encoder: Recording;
  /** Any number of tokens, and one. */
  private readonly prefill: Recording;
  private readonly single: Recording;
  /** Layer by layer, with scores; made when first asked for. */
  private alignment: { scores: Tensor; layers: Recording[] } | undefined;

  /** @throws OmniError `unsupported_adapter` where a buffer exceeds the adapter's limits */
  constructor(
    private readonly gpu: Gpu,
    private readonly config: WhisperConfig,
    weights: WhisperWeights,
  ) {
    this.vocab = config.vocab;
    this.textContext = config.textContext;
    this.audioContext = config.audioContext;
    this.arena = new BufferArena(gpu, "whisper");
    this.readback = new Readback(gpu);
    this.step = this.arena.tensor("step", "u32", [4], GPUBufferUsage.UNIFORM);
    this.window = new Float32Array(config.audioContext * samplesPerPosition);
    this.encoderState = encoderState(gpu, config, this.arena);
    this.state = decoderState(gpu, config, this.arena, maxOutputs);
    this.parts = { config, weights, state: this.state, audio: this.encoderState.audio };
    this.encoder = this.record(config.audioContext);
    recordEncoder(this.encoder, config, weights, this.encoderState);
    this.prefill = this.recordSteps(config.textContext);
    this.single = this.recordSteps(1);
  }

  get sizeBytes(): number {
    return this.arena.sizeBytes + this.readback.sizeBytes;
  }

  /** Dispatches of one token. */
  get dispatchesPerToken(): number {
    return this.single.dispatchCount;
  }

  async compile(): Promise<void> {
    await Promise.all([this.encoder, this.prefill, this.single].map((recording) => recording.compile()));
  }

  async encode(samples: Float32Array): Promise<void> {
    const { audioContext } = this.config;
    this.window.fill(0);
    this.window.set(samples.subarray(0, this.window.length));
    this.gpu.device.queue.writeBuffer(this.encoderState.samples.buffer, 0, this.window);
    this.submit([this.encoder], { tokens: audioContext, outputs: 0 });
  }

  async decode(
    tokens: readonly number[],
    position: number,
    outputs: readonly number[],
  ): Promise<Float32Array[]> {
    this.write(tokens, position, outputs);
    if (position === 0) this.tokenCounts.prompt += tokens.length;
    else this.tokenCounts.generated += tokens.length;
    const size = { tokens: tokens.length, outputs: outputs.length };
    const recording = tokens.length === 1 && outputs.length === 1 ? this.single : this.prefill;
    const { vocab } = this;
    const read = this.submit([recording], size, { tensor: this.state.logits, count: outputs.length * vocab });
    const logits = new Float32Array(await read!());
    return outputs.map((_, i) => logits.subarray(i * vocab, (i + 1) * vocab));
  }

  async align(tokens: readonly number[], add: (scores: Float32Array) => void): Promise<void> {
    const heads = alignmentHeads(this.config);
    const { layers, scores } = await this.alignmentLayers(Math.max(...heads.map(([layer]) => layer)));
    const { audioContext } = this.config;
    const { textHeads } = this.config;
    this.write(tokens, 0, []);
    const size = { tokens: tokens.length, outputs: 0 };
    const count = tokens.length * textHeads * audioContext;
    for (const [layer, recording] of layers.entries()) {
      const own = heads.filter((head) => head[0] === layer).map((head) => head[1]);
      const wanted = own.length > 0 ? { tensor: scores, count } : undefined;
      const read = this.submit([recording], size, wanted);
      if (!read) continue;
      const all = new Float32Array(await read());
      for (const head of own) {
        // (T, H, S) to (T, S)
        const one = new Float32Array(tokens.length * audioContext);
        for (let t = 0; t < tokens.length; t++) {
          const at = (t * textHeads + head) * audioContext;
          one.set(all.subarray(at, at + audioContext), t * audioContext);
        }
        add(one);
      }
    }
  }

  destroy(): void {
    this.arena.destroy();
    this.readback.destroy();
  }

  private record(tokens: number): Recording {
    return new Recording(this.gpu, this.step, { tokens, outputs: maxOutputs });
  }

  private recordSteps(tokens: number): Recording {
    const rec = new Recording(this.gpu, this.step, { tokens, outputs: tokens === 1 ? 1 : maxOutputs });
    recordEmbedding(rec, this.parts);
    for (let i = 0; i < this.config.textLayers; i++) recordLayer(rec, this.parts, i);
    recordHead(rec, this.parts);
    return rec;
  }

  /** Recordings of the layers up to `last`, each with its scores. */
  private async alignmentLayers(last: number): Promise<{ scores: Tensor; layers: Recording[] }> {
    if (this.alignment) return this.alignment;
    const { textContext, textHeads, audioContext } = this.config;
    const scores = this.arena.tensor("alignment scores", "f32", [textContext, textHeads, audioContext]);
    const layers = Array.from({ length: last + 1 }, (_, i) => {
      const rec = this.record(textContext);
      if (i === 0) recordEmbedding(rec, this.parts);
      recordLayer(rec, this.parts, i, scores);
      return rec;
    });
    await Promise.all(layers.map((recording) => recording.compile()));
    this.alignment = { scores, layers };
    return this.alignment;
  }

  private write(tokens: readonly number[], position: number, outputs: readonly number[]): void {
    const { textContext } = this.config;
    if (tokens.length < 1 || position + tokens.length > textContext || outputs.length > maxOutputs)
      throw new OmniError(
        "internal_error",
        `A step of ${tokens.length} tokens at ${position} with ${outputs.length} outputs exceeds ${textContext} tokens.`,
      );
    const put = (tensor: Tensor, values: readonly number[]) =>
      this.gpu.device.queue.writeBuffer(tensor.buffer, 0, Uint32Array.from(values));
    put(this.state.ids, tokens);
    put(
      this.state.positions,
      tokens.map((_, i) => position + i),
    );
    if (outputs.length > 0) put(this.state.outputRows, outputs);
  }

  /** Replays recordings as one step. @returns what waits for the first `count` numbers of a tensor */
  private submit(
    recordings: readonly Recording[],
    size: StepSize,
    wanted?: { tensor: Tensor; count: number },
  ): (() => Promise<ArrayBuffer>) | undefined {
    const startMs = performance.now();
    const { device } = this.gpu;
    device.queue.writeBuffer(this.step.buffer, 0, Uint32Array.of(size.tokens, size.outputs));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const recording of recordings) recording.encode(pass, size);
    pass.end();
    const read = wanted && this.readback.copy(encoder, wanted.tensor, wanted.count * 4);
    device.queue.submit([encoder.finish()]);
    this.stepCounts.count++;
    this.stepCounts.cpuMs += performance.now() - startMs;
    return read;
  }
}
