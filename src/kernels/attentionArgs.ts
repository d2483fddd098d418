/** What all attention kernels take and check. */

import type { Gpu } from "../runtime/gpu/device.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import type { BufferSlice, Tensor } from "../runtime/gpu/tensor.ts";
import { type Activations, expectActivations } from "./activations.ts";
import { expectKernel, expectRows, expectShape, expectSize } from "./checks.ts";
import { expectKvCache, type KvCache } from "./kvCache.ts";
import { constSource } from "./prelude.ts";
import { axisCount, expectRotation, type Rotation } from "./rope.ts";

/** What the engine says of each token of a step; all in one buffer, so that a kernel needs one binding for them. */
export interface TokenInputs {
  /** For RoPE; below 2^20. Of as many coordinates as the rotation has axes. */
  positions: Tensor; // (T) u32, or (T, axes)
  /** Where the token's keys and values go: page · pageSize + position in the page; beyond the cache stores nothing. */
  slots: Tensor; // (T) u32
  /** The page table's row of each token. */
  sequences: Tensor; // (T) u32
  /** How many cached positions each token sees, at least 1. The last one is itself, or in prefill also a later one. */
  lengths: Tensor; // (T) u32
  /**
   * Prefill, where tokens see later positions: what a window counts back from. Each one's own position + 1, or less where the
   * window would begin within what it is to see.
   */
  windowEnds?: Tensor | undefined; // (T) u32
  /** The pages of each sequence in order; entries behind its last page are not read. */
  pageTable: Tensor; // (B, pages per sequence) u32
}

/** RMSNorm of every head of q and k before RoPE. */
export interface HeadNorm {
  /** For q, then for k. */
  weights: Tensor; // (2E)
  eps: number;
}

/** How q, k and v become what attention reads: see `ropeAppend`. */
export interface QkvArgs {
  /** The q heads of a token, then its k heads, then its v heads. */
  qkv: Tensor; // (T, (H + 2K) · E)
  cache: KvCache;
  inputs: TokenInputs;
  /** H: a multiple of the cache's kvHeads; query head h reads kv head floor(h / (H / K)). */
  heads: number;
  headNorm?: HeadNorm | undefined;
  rope?: Rotation | undefined;
  /** Flags are added to it where a key or value exceeds what the cache can hold; see `cacheFault`. */
  faults: Tensor; // (1) u32
}

export interface AttentionArgs extends QkvArgs {
  /** In another buffer than qkv: activations for the next matmul, if {@link attentionWritesActivations}, or f32. */
  out: Activations | Tensor; // (T, H · E)
  /** Multiplies q · k, usually 1 / sqrt(E). */
  scale: number;
  /** A token sees no more than its last `window` positions. */
  window?: number | undefined;
  /** Room to split long sequences over more workgroups when decoding; see `attentionScratchShape`. */
  scratch?: Tensor | undefined;
  /** Default: by what the adapter is. */
  tuning?: Partial<AttentionTuning> | undefined;
}

/** Choices that change the speed of attention and nothing else. */
export interface AttentionTuning {
  /** Decode: threads of a workgroup, a power of two from 8 to 256. */
  decodeThreads: number;
  /** Decode: most threads that share a position, a power of two; within a subgroup where there are subgroups. */
  lanes: number;
  /** Decode: positions that a team takes at a time, a power of two up to its lanes. */
  batch: number;
  /** Decode: most elements of queries that a thread holds in registers. */
  queryElements: number;
  /** Prefill: threads of a workgroup, 32, 64 or 128. */
  prefillThreads: number;
  /** Prefill: a subgroup with everything in registers, where the adapter's subgroups are right for it. */
  prefillInLanes: boolean;
  /** Keep loops as loops: software adapters take many seconds to compile them unrolled. */
  rolled: boolean;
}

/** Whether attention over heads of this width can write {@link Activations}, whose blocks are 32 wide. */
export function attentionWritesActivations(headWidth: number): boolean {
  return headWidth % 32 === 0;
}

/** Every token takes part, once. */
export const tokenRows = { of: "tokens" } as const;

/** The part of a buffer that holds all the inputs, and where in it each starts, counted in words. */
export function inputsRange(label: string, inputs: TokenInputs): { slice: BufferSlice; source: string } {
  const { positions, slots, sequences, lengths, windowEnds, pageTable } = inputs;
  const all = { positions, slots, sequences, lengths, ...(windowEnds && { windowEnds }), pageTable };
  const tensors = Object.values(all);
  const { buffer } = positions;
  expectKernel(
    tensors.every((tensor) => tensor.buffer === buffer),
    label,
    "positions, slots, sequences, lengths and pageTable are not in one buffer.",
  );
  const offsetBytes = Math.min(...tensors.map((tensor) => tensor.offsetBytes));
  const end = Math.max(...tensors.map((tensor) => tensor.offsetBytes + tensor.sizeBytes));
  const starts = Object.entries(all).map(([name, tensor]) => [
    `${name}At`,
    (tensor.offsetBytes - offsetBytes) / 4,
  ]);
  return {
    slice: { buffer, offsetBytes, sizeBytes: end - offsetBytes },
    source: constSource({ ...Object.fromEntries(starts), maxPages: pageTable.shape[1]! }),
  };
}

/**
 * Fills in what windows make of a kernel: WINDOW_END (token, its length), from which the token's window counts back, and
 * FIRST_TILE (first position, positions of a tile). Tiles begin at multiples of their size, so that a row is added up alike
 * whatever rows are beside it.
 */
export function windowSource(kernel: string, { inputs: { windowEnds }, window }: AttentionArgs): string {
  return kernel
    .replace(/WINDOW_END\(([^,()]+), ([^()]+)\)/g, windowEnds ? "inputs[windowEndsAt + $1]" : "$2")
    .replace(/FIRST_TILE\((\w+), (\w+)\)/, window === undefined ? "$1" : "$1 / $2 * $2");
}

/** Fails with both shapes unless the arguments fit each other and the largest step. */
export function checkQkv(rec: Recording, args: QkvArgs, label: string): void {
  const { qkv, cache, inputs, heads, headNorm, rope, faults } = args;
  const { kvHeads, headWidth } = cache;
  expectKvCache(label, cache);
  expectSize(label, "heads", heads, 1);
  expectKernel(heads % kvHeads === 0, label, `heads is ${heads} and should be a multiple of ${kvHeads}.`);
  expectRows(rec, label, "qkv", qkv, "f32", tokenRows, (heads + 2 * kvHeads) * headWidth);
  expectRows(rec, label, "positions", inputs.positions, "u32", tokenRows, rope ? axisCount(rope) : 1);
  for (const name of ["slots", "sequences", "lengths"] as const)
    expectRows(rec, label, name, inputs[name], "u32", tokenRows, 1);
  const { windowEnds, pageTable } = inputs;
  if (windowEnds) expectRows(rec, label, "windowEnds", windowEnds, "u32", tokenRows, 1);
  expectKernel(
    pageTable.dtype === "u32" && pageTable.shape.length === 2 && pageTable.shape[1]! > 0,
    label,
    `pageTable is ${pageTable.dtype} (${pageTable.shape.join(", ")}) and should be u32 (sequences, pages).`,
  );
  if (headNorm) {
    expectShape(label, "headNorm.weights", headNorm.weights, "f32", [2 * headWidth]);
    expectKernel(headNorm.eps >= 0, label, `headNorm.eps is ${headNorm.eps} and should not be negative.`);
  }
  if (rope) expectRotation(label, rope, headWidth);
  expectShape(label, "faults", faults, "u32", [1]);
}

/** As {@link checkQkv}, and what only attention takes. */
export function checkAttention(rec: Recording, args: AttentionArgs, label: string): void {
  const { qkv, cache, out, heads, scale, window } = args;
  checkQkv(rec, args, label);
  expectKernel(Number.isFinite(scale), label, `scale is ${scale} and should be finite.`);
  if (window !== undefined) expectSize(label, "window", window, 1, 0xffff_ffff);
  const width = heads * cache.headWidth;
  if ("kind" in out) {
    expectKernel(
      attentionWritesActivations(cache.headWidth),
      label,
      `out is ${out.kind} activations and should be f32, as heads are ${cache.headWidth} wide.`,
    );
    expectActivations(rec, label, "out", out, tokenRows, width);
  } else expectRows(rec, label, "out", out, "f32", tokenRows, width);
  const { buffer } = "kind" in out ? out.tensor : out;
  expectKernel(qkv.buffer !== buffer, label, "out is in the buffer of qkv.");
}

/** Teams read whole rows side by side, and there are enough of them to hide latency. */
export const gpuTuning: AttentionTuning = {
  ...{ decodeThreads: 128, lanes: 16, batch: 4, queryElements: 32 },
  ...{ prefillThreads: 128, prefillInLanes: false, rolled: false },
};

/** On a CPU every thread of a workgroup pays for every barrier, and memory is slower than registers that spill. */
const softwareTuning: AttentionTuning = {
  ...{ decodeThreads: 8, lanes: 8, batch: 8, queryElements: 32 },
  ...{ prefillThreads: 32, prefillInLanes: true, rolled: true },
};

export function attentionTuning(
  gpu: Gpu,
  { tuning }: { tuning?: Partial<AttentionTuning> | undefined },
): AttentionTuning {
  return { ...(gpu.software ? softwareTuning : gpuTuning), ...tuning };
}

/** Declares `rolled(bound)`: where loops are to stay loops, it looks as if it depended on `lengths` (below 2^31). */
export function rolledSource({ rolled }: AttentionTuning): string {
  return `fn rolled(bound: u32) -> u32 { return bound${rolled ? " + (inputs[lengthsAt] >> 31u)" : ""}; }\n`;
}
