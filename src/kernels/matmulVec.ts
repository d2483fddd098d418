/** Matrix times few rows: decode. Each weight is read once and used for up to 8 rows. */

import type { Gpu } from "../runtime/gpu/device.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import type { WeightMatrix, WeightSlice } from "../runtime/gpu/tensor.ts";
import { formatSource, groupLoops, groupWeights } from "./formats/formats.ts";
import { type MatmulArgs, matmulBindings, matmulConstants } from "./matmulArgs.ts";
import outputWgsl from "./matmulOutput.wgsl?raw";
import singleWgsl from "./matmulVec.single.wgsl?raw";
import subgroupsWgsl from "./matmulVec.subgroups.wgsl?raw";
import wgsl from "./matmulVec.wgsl?raw";
import workgroupWgsl from "./matmulVec.workgroup.wgsl?raw";
import { foldWorkgroups, gridSource, rowsOf, stepSource } from "./prelude.ts";
import { unroll } from "./unroll.ts";

/** How the work is laid out; see matmulVec.wgsl. */
export interface MatmulVecVariant {
  /** Threads that share a weight row: a power of two up to 64. */
  threadsPerRow: number;
  /** Teams of such threads in a workgroup. With more than one, sums go through workgroup memory. */
  rowGroups: number;
  /** Weight rows per thread, at most 4. */
  threadRows: number;
  /** Rows of x at once; `threadRows * xRows` is at most 8. */
  xRows: number;
  /** Branch around rows of x that a small step lacks. */
  skipRows: boolean;
}

/** A good layout without tuning. A GPU wants many threads on neighbouring words; a CPU wants no exchange. */
export function defaultVecVariant(
  gpu: Gpu,
  weight: WeightMatrix,
  slice: WeightSlice,
  maxRows: number,
): MatmulVecVariant {
  if (gpu.software) {
    return { threadsPerRow: 1, rowGroups: 32, threadRows: 2, xRows: Math.min(maxRows, 2), skipRows: true };
  }
  const groups = weight.columns / groupWeights(weight.type);
  const xRows = maxRows === 1 ? 1 : maxRows === 2 ? 2 : 4;
  // Sharing x between weight rows saves reads, but only where enough workgroups remain to fill the GPU.
  const threadRows = slice.rowCount >= 8192 ? 4 : slice.rowCount >= 2048 ? 2 : 1;
  return {
    threadsPerRow: groups > 32 ? 64 : 32,
    rowGroups: 1,
    threadRows: Math.min(threadRows, 4 / xRows),
    xRows,
    skipRows: false,
  };
}

/** Whether sums can use subgroups: one row team per workgroup, and subgroups that can be numbered. */
function usesSubgroups(gpu: Gpu, variant: MatmulVecVariant): boolean {
  return (
    gpu.subgroups !== undefined &&
    variant.rowGroups === 1 &&
    navigator.gpu.wgslLanguageFeatures.has("subgroup_id")
  );
}

/** One dispatch per slice; arguments as in `matmul`, already checked. */
export function matmulVec(
  rec: Recording,
  args: MatmulArgs,
  label: string,
  variant?: Partial<MatmulVecVariant>,
): void {
  const { weight, rows } = args;
  for (const slice of weight.slices) {
    const chosen = {
      ...defaultVecVariant(rec.gpu, weight, slice, rowsOf(rows, rec.maxStep)),
      ...variant,
    };
    const { threadsPerRow, rowGroups, threadRows, xRows, skipRows } = chosen;
    const subgroups = usesSubgroups(rec.gpu, chosen);
    const sumWgsl = threadsPerRow === 1 ? singleWgsl : subgroups ? subgroupsWgsl : workgroupWgsl;
    const [x, y] = foldWorkgroups(Math.ceil(slice.rowCount / (rowGroups * threadRows)));
    rec.dispatch({
      label: `matmulVec ${label}`,
      source: [
        threadsPerRow > 1 && subgroups ? "enable subgroups;\n" : "",
        stepSource(0),
        gridSource,
        outputWgsl,
        formatSource(weight.type, 5),
        sumWgsl,
        unroll(wgsl, { threadRows, xRows, ...groupLoops(weight.type) }),
      ].join(""),
      constants: {
        ...matmulConstants(args, slice),
        threadsPerRow,
        rowGroups,
        threadRows,
        xRows,
        skipRows: skipRows ? 1 : 0,
      },
      bindings: matmulBindings(rec, args, slice),
      workgroups: (step) => [x, y, Math.ceil(rowsOf(rows, step) / xRows)],
    });
  }
}
