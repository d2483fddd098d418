/** The small buffers that tell a replayed step what to do: one allocation, one write a step. */

import type { Gpu } from "../gpu/device.ts";
import { type BufferSlice, roundUp, type Tensor } from "../gpu/tensor.ts";
import type { StepInputs } from "../models/decoder.ts";
import type { CachedSequence } from "./pages.ts";

/** Tokens of one sequence to compute, and the rows among them whose logits are wanted. */
export interface Step {
  sequence: CachedSequence;
  tokens: readonly number[];
  /** Position of the first token; those before it are cached. */
  start: number;
  /** Indices into `tokens`. */
  outputRows: readonly number[];
}

const alignmentWords = 64; // bindings start at multiples of 256 bytes

export class StepBuffers {
  /** `struct Step` of `kernels/prelude.ts`. */
  readonly size: BufferSlice;
  readonly inputs: StepInputs;
  private readonly buffer: GPUBuffer;
  private readonly words: Uint32Array<ArrayBuffer>;

  constructor(
    private readonly gpu: Gpu,
    maxTokens: number,
    maxOutputs: number,
    maxPages: number,
  ) {
    let length = 0;
    const reserve = (count: number) => {
      const offset = length;
      length = roundUp(length + count, alignmentWords);
      return { offset, count };
    };
    // The page table comes last, so that one write up to its used end covers a step: some 6 KB.
    const parts = {
      size: reserve(4),
      tokens: reserve(maxTokens),
      positions: reserve(maxTokens),
      slots: reserve(maxTokens),
      sequences: reserve(maxTokens),
      lengths: reserve(maxTokens),
      outputRows: reserve(maxOutputs),
      pageTable: reserve(maxPages),
    };
    this.words = new Uint32Array(length);
    this.buffer = gpu.device.createBuffer({
      label: "step inputs",
      size: length * 4,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    const tensor = ({ offset, count }: { offset: number; count: number }, shape = [count]): Tensor => ({
      buffer: this.buffer,
      offsetBytes: offset * 4,
      sizeBytes: roundUp(count * 4, 16),
      dtype: "u32",
      shape,
    });
    this.size = tensor(parts.size);
    this.inputs = {
      tokens: tensor(parts.tokens),
      positions: tensor(parts.positions),
      slots: tensor(parts.slots),
      sequences: tensor(parts.sequences),
      lengths: tensor(parts.lengths),
      outputRows: tensor(parts.outputRows),
      pageTable: tensor(parts.pageTable, [1, maxPages]),
    };
  }

  get sizeBytes(): number {
    return this.words.byteLength;
  }

  /** Queues the step's numbers; replays submitted after this read them. */
  write({ sequence, tokens, start, outputRows }: Step): void {
    const at = (tensor: BufferSlice) => tensor.offsetBytes / 4;
    const { words, inputs } = this;
    words[at(this.size)] = tokens.length;
    words[at(this.size) + 1] = outputRows.length;
    tokens.forEach((token, i) => {
      const position = start + i;
      words[at(inputs.tokens) + i] = token;
      words[at(inputs.positions) + i] = position;
      words[at(inputs.slots) + i] = sequence.slot(position);
      words[at(inputs.sequences) + i] = 0;
      words[at(inputs.lengths) + i] = position + 1;
    });
    words.set(outputRows, at(inputs.outputRows));
    words.set(sequence.pages, at(inputs.pageTable));
    const end = at(inputs.pageTable) + sequence.pages.length;
    this.gpu.device.queue.writeBuffer(this.buffer, 0, words, 0, end);
  }

  destroy(): void {
    this.buffer.destroy();
  }
}
