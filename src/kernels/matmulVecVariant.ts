/** Layouts of the matmul for few rows: the default, and those that are worth a measurement. */

import type { Gpu } from "../runtime/gpu/device.ts";
import { groupWeights } from "./formats/formats.ts";
import type { MatmulInput } from "./matmulArgs.ts";
import { hasRowWindows } from "./rowWindows.ts";

/** How the work is laid out; see matmulVec.wgsl. Any choice computes the same but for rounding. */
export interface MatmulVecVariant {
  /** Packed dot products, or f32. Float activations always take f32. */
  arithmetic: "dot" | "float";
  /** Threads that share a weight row: a power of two up to 32. */
  threadsPerRow: number;
  /** Of a workgroup: a multiple of 8 and of threadsPerRow, up to 256. */
  threads: number;
  /** Weight rows per thread. */
  threadRows: number;
  /** Rows of x at once. */
  xRows: number;
  /**
   * Whether subgroups share what they read of x; only with one thread per row, subgroups of 4 or 8, and rows that are not
   * packed, in blocks of 32.
   */
  shareX: boolean;
}

/** Outputs of a workgroup come in whole blocks of activations. */
export const tileMultiple = 32;

/** Rows of x that a software adapter takes at once in prefill: the least that a step has while a prompt goes on. */
const manyRows = 16;

/** Threads of a workgroup that every adapter has. */
const mostThreads = 256;

/** Weight rows of the smallest tile: those of gate and of up, where they come in pairs. */
function tileRows(gated: boolean): number {
  return gated ? 2 * tileMultiple : tileMultiple;
}

/** A good layout without tuning. A GPU wants many threads on neighbouring words; a CPU wants few loads and barriers. */
export function defaultVecVariant(
  gpu: Gpu,
  input: MatmulInput,
  gated: boolean,
  maxRows: number,
): MatmulVecVariant {
  const { weight, x } = input;
  const packed = x.kind === "packed";
  if (gpu.software) {
    // Loads cost most: a weight is loaded and unpacked once for all rows at hand. In f32, whatever the number of rows,
    // so that a row does not depend on how many others a step has.
    const shareX = canShare(gpu, input);
    const float = { arithmetic: "float", threadsPerRow: 1, shareX } as const;
    if (manyRowsPay(gpu, input, maxRows))
      return { ...float, threads: gated ? 16 : 8, threadRows: 4, xRows: manyRows };
    // Of subgroups of four each thread has the more rows for what it reads of x; with more rows of x it compiles long.
    const threadRows = maxRows === 1 && sharedSubgroup(gpu) === 4 ? 4 : 2;
    return {
      ...float,
      ...{ threads: tileRows(gated) / threadRows, threadRows },
      xRows: maxRows === 1 ? 1 : shareX && hasRowWindows(input, maxRows, 8) ? 8 : 4,
    };
  }
  // Two rows a thread leave registers for 8 waves of 64 on a SIMD of RDNA 2; longer teams would exceed `mostThreads`.
  const groups = weight.columns / groupWeights(weight.type);
  const most = Math.min(gated ? 8 : 16, Math.max(gpu.subgroups?.min ?? 32, 8));
  const threadsPerRow = Math.min(most, 2 ** Math.max(2, Math.floor(Math.log2(groups / 2))));
  const threadRows = 2;
  return {
    arithmetic: packed && gpu.integerDots ? "dot" : "float",
    ...{ threadsPerRow, threads: (tileRows(gated) / threadRows) * threadsPerRow, threadRows },
    xRows: maxRows === 1 ? 1 : maxRows === 2 ? 2 : 4,
    shareX: false,
  };
}

/** Layouts worth a measurement for single rows, the default first: eight or so. */
export function vecCandidates(gpu: Gpu, input: MatmulInput, gated: boolean): MatmulVecVariant[] {
  const fallback = defaultVecVariant(gpu, input, gated, 1);
  const groups = input.weight.columns / groupWeights(input.weight.type);
  const shuffled = Math.max(gpu.subgroups?.min ?? 32, 8);
  // Teams that fit a subgroup and have something to do.
  const sizes = [8, 16, 32].filter((size) => size <= shuffled && size <= Math.max(8, groups));
  const layouts = gpu.software ? softwareLayouts : sizes.flatMap((size) => gpuLayouts(size, gated));
  const fitting = layouts.filter(
    ({ threads, threadsPerRow, threadRows }) =>
      ((threads / threadsPerRow) * threadRows) % tileRows(gated) === 0,
  );
  const candidates = fitting.map((layout) => ({ ...fallback, ...layout }));
  if (input.x.kind === "packed") {
    candidates.push({ ...fallback, arithmetic: fallback.arithmetic === "dot" ? "float" : "dot" });
  }
  if (fallback.shareX) candidates.push({ ...fallback, shareX: false });
  const isDefault = (layout: MatmulVecVariant) =>
    Object.entries(fallback).every(([name, value]) => layout[name as keyof MatmulVecVariant] === value);
  return [fallback, ...candidates.filter((layout) => !isDefault(layout))];
}

type Layout = Pick<MatmulVecVariant, "threadsPerRow" | "threads" | "threadRows">;

const softwareLayouts: readonly Layout[] = [16, 32].flatMap((threads) =>
  [2, 4].map((threadRows) => ({ threadsPerRow: 1, threads, threadRows })),
);

/** The smallest tiles of 64 to 256 threads. */
function gpuLayouts(threadsPerRow: number, gated: boolean): Layout[] {
  return [2, 4, 8]
    .map((threadRows) => ({
      threadsPerRow,
      threads: (tileRows(gated) / threadRows) * threadsPerRow,
      threadRows,
    }))
    .filter(({ threads }) => threads >= 64 && threads <= mostThreads);
}

/** What distinguishes measurements: kernel, weights and what is read. */
export function vecKey(kernel: string, { weight, x, normalize }: MatmulInput): string {
  const { type, rows, columns } = weight;
  return `${kernel} ${type} ${rows}x${columns} ${x.kind}${normalize ? " normalized" : ""} rows 1`;
}

/**
 * For several rows, the default with what decides how a sum is rounded taken from what was chosen for single rows: a
 * request's tokens must not depend on how many others are computed with it.
 */
export function severalRowsVariant(
  gpu: Gpu,
  input: MatmulInput,
  gated: boolean,
  maxRows: number,
  key: string,
): MatmulVecVariant {
  const single = gpu.tuning.get(key, vecCandidates(gpu, input, gated));
  if (!single) return defaultVecVariant(gpu, input, gated, maxRows);
  // Without sharing, eight rows of x are as many as pay.
  const fallback = defaultVecVariant(gpu, input, gated, single.shareX ? maxRows : Math.min(maxRows, 8));
  const { arithmetic, threadsPerRow, shareX } = single;
  const teams = Math.min(fallback.threads / fallback.threadsPerRow, mostThreads / threadsPerRow);
  const threadRows = (fallback.threads / fallback.threadsPerRow / teams) * fallback.threadRows;
  return { ...fallback, arithmetic, threadsPerRow, threads: threadsPerRow * teams, threadRows, shareX };
}

/**
 * Whether a software adapter should hold {@link manyRows} rows of x: weights are loaded half as often, but the code takes
 * seconds longer to compile, which small matrices never make up for.
 */
function manyRowsPay(gpu: Gpu, input: MatmulInput, maxRows: number): boolean {
  const { rows, columns } = input.weight;
  if (maxRows <= 8 || rows * columns < 2 ** 18) return false;
  return canShare(gpu, input) && sharedSubgroup(gpu) === 8 && hasRowWindows(input, maxRows, manyRows);
}

/** Whether {@link MatmulVecVariant.shareX} is possible. */
function canShare(gpu: Gpu, { x, weight }: MatmulInput): boolean {
  const blocks = x.kind === "plain" ? weight.columns % 32 === 0 : groupWeights(weight.type) >= 32;
  return x.kind !== "packed" && blocks && sharedSubgroup(gpu) !== undefined;
}

/** Threads of every subgroup, where all have the same few. */
export function sharedSubgroup({ subgroups }: Gpu): number | undefined {
  if (!subgroups || !hasSubgroupIds()) return undefined;
  return subgroups.min === subgroups.max && [4, 8].includes(subgroups.min) ? subgroups.min : undefined;
}

export function hasSubgroupIds(): boolean {
  return navigator.gpu.wgslLanguageFeatures.has("subgroup_id");
}
