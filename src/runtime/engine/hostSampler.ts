/** Draws the tokens of a step: the most probable ones on the GPU, where the next step takes them, others on the CPU. */

import type { Tensor } from "../gpu/tensor.ts";
import type { Readback } from "./readback.ts";
import { isPlainGreedy, Sampler, tokenLogprob } from "./sampler.ts";
import type { StepPart } from "./stepPlan.ts";
import type { SamplingParams, TokenLogprob } from "./types.ts";

/** What came of an output. */
export interface SampledRow {
  /** Undefined where none was to be drawn. */
  token: number | undefined;
  /** Of the token, or of the prompt's next one where none was drawn; if the request wants it. */
  logprob: TokenLogprob | undefined;
}

interface Slot {
  sampler: Sampler;
  greedy: boolean;
  topLogprobs: number | undefined;
  mask: Uint32Array | undefined;
}

export class HostSampler {
  private readonly slots: (Slot | undefined)[] = [];

  constructor(
    private readonly state: { logits: Tensor; best: Tensor; sampled: Tensor },
    private readonly readback: Readback,
    private readonly vocab: number,
  ) {}

  /**
   * Takes a slot for a request.
   * @param drawn tokens that it has drawn already, where it goes on
   */
  open(
    params: SamplingParams,
    prompt: readonly number[],
    { topLogprobs, drawn = [] }: { topLogprobs?: number | undefined; drawn?: readonly number[] } = {},
  ): number {
    let slot = this.slots.indexOf(undefined);
    if (slot < 0) slot = this.slots.length;
    const sampler = new Sampler(params, prompt, drawn);
    this.slots[slot] = { sampler, greedy: isPlainGreedy(params), topLogprobs, mask: undefined };
    return slot;
  }

  close(slot: number): void {
    this.slots[slot] = undefined;
  }

  /** Tokens that may be drawn from the next step on; undefined: all. */
  setMask(slot: number, mask: Uint32Array | undefined): void {
    this.slots[slot]!.mask = mask;
  }

  /** Adds to a part's submission what brings its results back, one entry for each output. */
  read(encoder: GPUCommandEncoder, { outputs }: StepPart): () => Promise<SampledRow[]> {
    const { logits, best, sampled } = this.state;
    const rows = outputs.map(({ sequence, draw, position }) => ({
      slot: this.slots[sequence.drawSlot]!,
      draws: draw >= 0,
      next: sequence.tokens[position + 1],
    }));
    outputs.forEach(({ sequence }, i) => {
      encoder.copyBufferToBuffer(best.buffer, i * 4, sampled.buffer, sequence.drawSlot * 4, 4);
    });
    const needsLogits = rows.some(
      ({ slot, draws }) => !draws || !slot.greedy || slot.topLogprobs !== undefined,
    );
    const waitBest = this.readback.copy(encoder, best, outputs.length * 4);
    const waitLogits = needsLogits && this.readback.copy(encoder, logits, outputs.length * this.vocab * 4);
    return async () => {
      const tokens = new Uint32Array(await waitBest());
      const values = waitLogits ? new Float32Array(await waitLogits()) : undefined;
      return rows.map(({ slot, draws, next }, i): SampledRow => {
        const row = values?.subarray(i * this.vocab, (i + 1) * this.vocab);
        const onHost = !slot.greedy || slot.mask !== undefined;
        const token = !draws ? undefined : onHost ? slot.sampler.sample(row!, slot.mask) : tokens[i]!;
        const wanted = draws ? token : next;
        const logprob =
          slot.topLogprobs === undefined || wanted === undefined
            ? undefined
            : tokenLogprob(row!, wanted, slot.topLogprobs);
        return { token, logprob };
      });
    };
  }
}
