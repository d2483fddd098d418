/** The small buffers that tell a replayed step what to do: one allocation, one write a part, one for each new page. */

import { mediaId } from "../../kernels/rowFetch.ts";
import type { Gpu } from "../gpu/device.ts";
import { type BufferSlice, roundUp, type Tensor } from "../gpu/tensor.ts";
import type { StepInputs } from "../models/decoderState.ts";
import { AxisPositions, axisCount } from "./axisPositions.ts";
import { givenToken, noSlot } from "./gpuSampler.ts";
import { causal, isMediaToken, type MediaRows } from "./mediaRows.ts";
import { type StepPart, tokenAt } from "./stepPlan.ts";

export interface StepBufferSizes {
  /** T */
  tokens: number;
  /** R */
  outputs: number;
  /** B: sequences that have a slot at once. */
  sequences: number;
  /** Pages of one sequence. */
  pages: number;
  /** Positions that a layer with a window sees, where rows of media may see each other both ways too. */
  window?: number | undefined;
  /** Coordinates of a position: 1, or 3 for (time, row, column). */
  axes: number;
}

const alignmentWords = 64; // bindings start at multiples of 256 bytes

export class StepBuffers {
  /** `struct Step` of `kernels/prelude.ts`. */
  readonly size: BufferSlice;
  readonly inputs: StepInputs;
  /** What the sampler is to do with each output. */
  readonly rowSlots: Tensor;
  readonly rowDraws: Tensor;
  private readonly buffer: GPUBuffer;
  private readonly words: Uint32Array<ArrayBuffer>;
  private readonly maxPages: number;
  private readonly axisPositions: AxisPositions | undefined;

  constructor(
    private readonly gpu: Gpu,
    private readonly sizes: StepBufferSizes,
  ) {
    let length = 0;
    const reserve = (count: number) => {
      const offset = length;
      length = roundUp(length + count, alignmentWords);
      return { offset, count };
    };
    // The page table comes last: the rest is written with every part, some 6 KB, the table where it changes.
    const parts = {
      size: reserve(4),
      tokens: reserve(sizes.tokens),
      positions: reserve(sizes.tokens * sizes.axes),
      slots: reserve(sizes.tokens),
      sequences: reserve(sizes.tokens),
      lengths: reserve(sizes.tokens),
      ...(sizes.window !== undefined && { windowEnds: reserve(sizes.tokens) }),
      outputRows: reserve(sizes.outputs),
      rowSlots: reserve(sizes.outputs),
      rowDraws: reserve(sizes.outputs),
      pageTable: reserve(sizes.sequences * sizes.pages),
    };
    this.maxPages = sizes.pages;
    if (sizes.axes > 1) this.axisPositions = new AxisPositions();
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
    this.rowSlots = tensor(parts.rowSlots);
    this.rowDraws = tensor(parts.rowDraws);
    this.inputs = {
      tokens: tensor(parts.tokens),
      positions: tensor(parts.positions, sizes.axes > 1 ? [sizes.tokens, sizes.axes] : undefined),
      slots: tensor(parts.slots),
      sequences: tensor(parts.sequences),
      lengths: tensor(parts.lengths),
      windowEnds: parts.windowEnds && tensor(parts.windowEnds),
      outputRows: tensor(parts.outputRows),
      pageTable: tensor(parts.pageTable, [sizes.sequences, sizes.pages]),
    };
  }

  get sizeBytes(): number {
    return this.words.byteLength;
  }

  /**
   * Queues the part's numbers; replays submitted after this read them.
   * @param pageSize positions of a page
   * @param media where tokens that are no text find their rows
   */
  write(part: StepPart, pageSize: number, media: MediaRows | undefined): void {
    const at = (tensor: BufferSlice) => tensor.offsetBytes / 4;
    const { words, inputs } = this;
    words[at(this.size)] = part.tokens;
    words[at(this.size) + 1] = part.outputs.length;
    let row = 0;
    for (const { sequence, start, count } of part.entries) {
      this.writePages(sequence.slot, sequence.pages);
      this.axisPositions?.write(sequence, start, count, words, at(inputs.positions) + axisCount * row, media);
      for (let position = start; position < start + count; position++, row++) {
        const page = sequence.pages[Math.floor(position / pageSize)]!;
        const token = tokenAt(sequence, position);
        words[at(inputs.tokens) + row] = isMediaToken(token) ? mediaId + media!.rowOf(token) : token;
        if (!this.axisPositions) words[at(inputs.positions) + row] = position;
        words[at(inputs.slots) + row] = page * pageSize + (position % pageSize);
        words[at(inputs.sequences) + row] = sequence.slot;
        const { before, behind } = media?.seenBy(token) ?? causal;
        words[at(inputs.lengths) + row] = position + 1 + behind;
        // Whatever the window is, a row sees all of its span.
        if (inputs.windowEnds)
          words[at(inputs.windowEnds) + row] = position + Math.min(1, this.sizes.window! - before);
      }
    }
    part.outputs.forEach(({ row, sequence, draw, position }, i) => {
      words[at(inputs.outputRows) + i] = row;
      // A row of the prompt is asked for the probability of the token that follows.
      const next = sequence.tokens[position + 1];
      words[at(this.rowSlots) + i] = draw < 0 && next === undefined ? noSlot : sequence.drawSlot;
      words[at(this.rowDraws) + i] = draw < 0 ? givenToken + (next ?? 0) : draw;
    });
    this.gpu.device.queue.writeBuffer(this.buffer, 0, words, 0, at(inputs.pageTable));
  }

  /** Queues all of it again, where something else was written in between. */
  restore(): void {
    this.gpu.device.queue.writeBuffer(this.buffer, 0, this.words);
  }

  /** Brings a row of the page table up to date. Entries behind its last page are not read. */
  private writePages(slot: number, pages: readonly number[]): void {
    const first = this.inputs.pageTable.offsetBytes / 4 + slot * this.maxPages;
    let begin = 0;
    let end = pages.length;
    while (begin < end && this.words[first + begin] === pages[begin]) begin++;
    while (begin < end && this.words[first + end - 1] === pages[end - 1]) end--;
    if (begin === end) return;
    this.words.set(pages.slice(begin, end), first + begin);
    const offset = first + begin;
    this.gpu.device.queue.writeBuffer(this.buffer, offset * 4, this.words, offset, end - begin);
  }

  destroy(): void {
    this.buffer.destroy();
  }
}
