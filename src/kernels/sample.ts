/** Draws the next tokens of a step's output rows: temperature, filters, penalties, biases, masks, log-probabilities. */

import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import { expectRows, expectShape, expectSize } from "./checks.ts";
import { constSource, type RowCount, rowsOf } from "./prelude.ts";
import chunksSource from "./sampleChunks.wgsl?raw";
import commonSource from "./sampleCommon.wgsl?raw";
import {
  exp2Coefficients,
  layoutConstants,
  paramWords,
  type SampleSizes,
  sampleLayout,
} from "./sampleLayout.ts";
import lineSource from "./sampleLine.wgsl?raw";
import selectSource from "./sampleSelect.wgsl?raw";

/** Sizes that are words of {@link sampleLayout}. All but the logits are u32. */
export interface SampleArgs {
  logits: Tensor; // (R, V) f32
  rowSlots: Tensor; // (R); a number that is no slot leaves the row alone
  rowDraws: Tensor; // (R) tokens drawn before by the row's request, or givenToken + a token
  params: Tensor; // (slots, paramWords)
  masks: Tensor; // (slots, maskWords)
  state: Tensor; // (stateWords)
  adjusted: Tensor; // (R, V) scratch
  chunks: Tensor; // (R, chunkCount, chunkWords) scratch
  results: Tensor; // (R, resultWords)
  sizes: SampleSizes;
  rows: RowCount;
}

const vectorSource = `
alias Bits = vec4<u32>;
const width = 4u;
fn logitAt(i: u32) -> u32 {
  return logits[i / 4u][i % 4u];
}
`;
const vectorBetter = `
fn better(best: Best, bits: Bits, i: u32) -> Best {
  let first = takeGreater(best, orderedKey(bits.x), 4u * i);
  let second = takeGreater(first, orderedKey(bits.y), 4u * i + 1u);
  let third = takeGreater(second, orderedKey(bits.z), 4u * i + 2u);
  return takeGreater(third, orderedKey(bits.w), 4u * i + 3u);
}
`;
const scalarSource = `
alias Bits = u32;
const width = 1u;
fn logitAt(i: u32) -> u32 {
  return logits[i];
}
`;
const scalarBetter = `
fn better(best: Best, bits: Bits, i: u32) -> Best {
  return takeGreater(best, orderedKey(bits), i);
}
`;

/**
 * Two dispatches: `state` gets the token of each row's slot, `results` gets it with what was asked for. The result is
 * that of `sample.ref.ts` on every adapter.
 * @throws OmniError `internal_error` where shapes do not fit
 */
export function sample(rec: Recording, args: SampleArgs, label: string): void {
  const { logits, rowSlots, rowDraws, params, masks, state, adjusted, chunks, results, sizes, rows } = args;
  const { vocab, slots } = sizes;
  const place = `sample ${label}`;
  expectSize(place, "vocab", vocab, 1);
  expectSize(place, "slots", slots, 1);
  const layout = sampleLayout(sizes, rec.gpu.software);
  expectSize(place, "rows", rowsOf(rows, rec.maxStep), 1, 65535);
  expectRows(rec, place, "logits", logits, "f32", rows, vocab);
  expectRows(rec, place, "rowSlots", rowSlots, "u32", rows, 1);
  expectRows(rec, place, "rowDraws", rowDraws, "u32", rows, 1);
  expectRows(rec, place, "adjusted", adjusted, "u32", rows, vocab);
  expectRows(rec, place, "chunks", chunks, "u32", rows, layout.chunkCount * layout.chunkWords);
  expectRows(rec, place, "results", results, "u32", rows, layout.resultWords);
  expectShape(place, "params", params, "u32", [slots, paramWords]);
  expectShape(place, "masks", masks, "u32", [slots, layout.maskWords]);
  expectShape(place, "state", state, "u32", [layout.stateWords]);

  const constants =
    constSource(layoutConstants(sizes, layout)) +
    `const exp2Coefficients = vec4<u32>(${exp2Coefficients.join("u, ")}u);\n`;
  const vectors = vocab % 4 === 0;
  const source = constants + (vectors ? vectorSource : scalarSource) + commonSource;
  // On a CPU every thread pays for every barrier.
  const sizesOfGroup = rec.gpu.software
    ? { threads: 16, groupThreads: 4 }
    : { threads: 256, groupThreads: 16 };
  rec.dispatch({
    label: `${place}: chunks`,
    source: source + (vectors ? vectorBetter : scalarBetter) + chunksSource,
    constants: sizesOfGroup,
    bindings: [logits, rowSlots, rowDraws, params, state, masks, adjusted, chunks],
    workgroups: (step) => [layout.chunkCount, rowsOf(rows, step)],
  });
  rec.dispatch({
    label: `${place}: select`,
    source: source + lineSource + selectSource,
    constants: { ...sizesOfGroup, listSize: rec.gpu.software ? 64 : 256 },
    bindings: [logits, rowSlots, rowDraws, params, adjusted, chunks, state, results],
    workgroups: (step) => [rowsOf(rows, step)],
  });
}
