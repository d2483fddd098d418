/**
 * A model without a GPU that executes step plans: a position's "keys and values" are a hash of its token and of what
 * the page table says lies before it, so any page that is wrong, shared wrongly or overwritten changes what is drawn.
 */

import { isMediaToken } from "../mediaRows.ts";
import type { Sequence } from "../sequence.ts";
import { onGpu, type StepPart, type StepPlan, tokenAt } from "../stepPlan.ts";

const mix = (a: number, b: number) => {
  let x = Math.imul(a ^ b, 0x9e3779b1);
  x = Math.imul(x ^ (x >>> 15), 0x85ebca77);
  return (x ^ (x >>> 13)) >>> 0;
};

export interface FakeModel {
  vocab: number;
  /** Prompts and single tokens differ by a rounding error. */
  kernelsDiffer: boolean;
}

const start = 0x12345678;

function advance(model: FakeModel, before: number, token: number, kind: "prefill" | "decode"): number {
  return mix(mix(before, token + 1), model.kernelsDiffer && kind === "decode" ? 7 : 3);
}

const draw = (model: FakeModel, hash: number, seed: number, index: number) =>
  mix(mix(hash, seed), index) % model.vocab;

/** What a sequence that is computed alone draws, up to and including an end token; after `drawnBefore` others. */
export function drawnAlone(
  model: FakeModel,
  prompt: readonly number[],
  options: { seed: number; maxTokens: number; endTokens: ReadonlySet<number> },
  drawnBefore = 0,
): number[] {
  let hash = start;
  for (const token of prompt) hash = advance(model, hash, token, "prefill");
  const tokens: number[] = [];
  while (drawnBefore + tokens.length < options.maxTokens) {
    const token = draw(model, hash, options.seed, drawnBefore + tokens.length);
    tokens.push(token);
    if (options.endTokens.has(token)) break;
    hash = advance(model, hash, token, "decode");
  }
  return tokens;
}

export class FakeGpu {
  private readonly cells: Uint32Array;
  private readonly sampled: number[] = [];

  constructor(
    private readonly model: FakeModel,
    pages: number,
    private readonly pageSize: number,
    private readonly seedOf: (sequence: Sequence) => number,
  ) {
    this.cells = new Uint32Array(pages * pageSize);
  }

  /** Executes a plan at once and gives the results for `Scheduler.complete`. */
  run(plan: StepPlan): number[][] {
    this.copyPages(plan.copies);
    return plan.parts.map((part) => this.runPart(part));
  }

  copyPages(copies: StepPlan["copies"]): void {
    const { cells, pageSize } = this;
    for (const { from, to } of copies)
      cells.copyWithin(to * pageSize, from * pageSize, (from + 1) * pageSize);
  }

  /** A token for each output; 0 where none is drawn. */
  runPart({ kind, tokens, entries, outputs }: StepPart): number[] {
    const { cells, pageSize, model, sampled } = this;
    let row = 0;
    const hashes = new Uint32Array(tokens);
    for (const { sequence, start: first, count } of entries) {
      const slot = (position: number) =>
        sequence.pages[Math.floor(position / pageSize)]! * pageSize + (position % pageSize);
      for (let position = first; position < first + count; position++) {
        const id = tokenAt(sequence, position);
        const token = id >= onGpu && !isMediaToken(id) ? sampled[id - onGpu]! : id;
        const before = position === 0 ? start : cells[slot(position - 1)]!;
        hashes[row] = advance(model, before, token, kind);
        cells[slot(position)] = hashes[row++]!;
      }
    }
    if (row !== tokens) throw new Error(`a part of ${tokens} tokens has ${row}`);
    return outputs.map(({ row, sequence, draw: index }) => {
      if (index < 0) return 0;
      const token = draw(model, hashes[row]!, this.seedOf(sequence), index);
      sampled[sequence.drawSlot] = token;
      return token;
    });
  }
}
