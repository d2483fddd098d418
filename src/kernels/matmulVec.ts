/** Matrix times few rows (decode), with what follows it done in the same dispatch. */

import type { Gpu } from "../runtime/gpu/device.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor, WeightMatrix, WeightSlice } from "../runtime/gpu/tensor.ts";
import { type ActivationKind, type Activations, expectActivations } from "./activations.ts";
import { expectKernel, expectRows, expectShape } from "./checks.ts";
import { formatBindings, formatSource, groupLoops, groupWeights } from "./formats/formats.ts";
import { checkInput, type MatmulArgs, type MatmulInput, matmulPlace } from "./matmulArgs.ts";
import dotWgsl from "./matmulDot.wgsl?raw";
import floatWgsl from "./matmulFloat.wgsl?raw";
import { gatedOutput, type MatmulOutput, type NextNorm, nextOutput, storeOutput } from "./matmulOutput.ts";
import { withReader } from "./matmulReaders.ts";
import { reduceSource, subgroupDirectives, type TeamReduction } from "./matmulReduce.ts";
import wgsl from "./matmulVec.wgsl?raw";
import {
  BindingList,
  constSource,
  foldWorkgroups,
  gridSource,
  rowConstants,
  rowsOf,
  stepSource,
} from "./prelude.ts";
import { unroll } from "./unroll.ts";

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
  /** Whether subgroups share what they read of x; only with one thread per row and subgroups of 4 or 8. */
  shareX: boolean;
}

/** Outputs of a workgroup come in whole blocks of activations. */
const tileMultiple = 32;

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
    return {
      arithmetic: "float",
      ...{ threadsPerRow: 1, threads: gated ? 32 : 16, threadRows: 2, xRows: maxRows === 1 ? 1 : 4 },
      shareX: packed && sharedSubgroup(gpu) !== undefined,
    };
  }
  const groups = weight.columns / groupWeights(weight.type);
  const shuffled = gpu.subgroups?.min ?? 32;
  const most = Math.min(32, Math.max(shuffled, 8));
  const threadsPerRow = Math.min(most, 2 ** Math.max(2, Math.floor(Math.log2(groups / 2))));
  return {
    arithmetic: packed && gpu.integerDots ? "dot" : "float",
    ...{ threadsPerRow, threads: threadsPerRow * 8, threadRows: gated ? 8 : 4 },
    xRows: maxRows === 1 ? 1 : maxRows === 2 ? 2 : 4,
    shareX: false,
  };
}

/** Threads of every subgroup, where all have the same few. */
function sharedSubgroup({ subgroups }: Gpu): number | undefined {
  if (!subgroups || !hasSubgroupIds()) return undefined;
  return subgroups.min === subgroups.max && [4, 8].includes(subgroups.min) ? subgroups.min : undefined;
}

function hasSubgroupIds(): boolean {
  return navigator.gpu.wgslLanguageFeatures.has("subgroup_id");
}

/** out[r, n] = Σ_k x[r, k] · W[n, k] (· norm) + bias + residual; arguments as in `matmul`, already checked. */
export function matmulVec(
  rec: Recording,
  args: MatmulArgs,
  label: string,
  variant?: Partial<MatmulVecVariant>,
): void {
  record(rec, args, `matmulVec ${label}`, variant, false, (slice, bindings) =>
    storeOutput(args, slice, bindings),
  );
}

export interface MatmulNextArgs extends MatmulInput {
  /** (R, N) f32: the residual stream, to which results are added. */
  residual: Tensor;
  next: NextNorm;
}

/**
 * residual[r, n] += Σ_k x[r, k] · W[n, k], and the next norm of it: next.out = residual · next.weight, whose factor its
 * consumer applies (`normalize`).
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function matmulNext(
  rec: Recording,
  args: MatmulNextArgs,
  label: string,
  variant?: Partial<MatmulVecVariant>,
): void {
  const { weight, residual, next, rows, x } = args;
  const place = matmulPlace(label, weight);
  checkInput(rec, args, place);
  expectRows(rec, place, "residual", residual, "f32", rows, weight.rows);
  expectShape(place, "next.weight", next.weight, "f32", [weight.rows]);
  expectActivations(rec, place, "next.out", next.out, rows, weight.rows);
  expectKernel(x.tensor.buffer !== next.out.tensor.buffer, place, "next.out shares its buffer with x.");
  record(rec, args, `matmulNext ${label}`, variant, false, (slice, bindings, threads) =>
    nextOutput(residual, next, slice, threads, bindings),
  );
}

export interface MatmulGatedArgs extends MatmulInput {
  /** (R, F), where the weight is (2F, K): rows of gate, then rows of up. */
  out: Activations;
}

/** Whether {@link matmulGated} can take this weight: gate and up have to be in one slice. */
export function canGate(weight: WeightMatrix, kind: ActivationKind): boolean {
  const width = weight.rows / 2;
  return weight.slices.length === 1 && width % (kind === "packed" ? 32 : 4) === 0;
}

/**
 * out[r, n] = silu(gate) · up with gate = Σ_k x[r, k] · W[n, k] and up = Σ_k x[r, k] · W[F + n, k].
 * Source: Shazeer 2020, arXiv:2002.05202.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function matmulGated(
  rec: Recording,
  args: MatmulGatedArgs,
  label: string,
  variant?: Partial<MatmulVecVariant>,
): void {
  const { weight, out, rows, x } = args;
  const place = matmulPlace(label, weight);
  checkInput(rec, args, place);
  expectKernel(canGate(weight, out.kind), place, "gate and up are not whole blocks of one slice.");
  expectActivations(rec, place, "out", out, rows, weight.rows / 2);
  expectKernel(x.tensor.buffer !== out.tensor.buffer, place, "out shares its buffer with x.");
  record(rec, args, `matmulGated ${label}`, variant, true, (_, bindings, threads) =>
    gatedOutput(out, threads, bindings),
  );
}

/** One dispatch per slice. */
function record(
  rec: Recording,
  input: MatmulInput,
  label: string,
  variant: Partial<MatmulVecVariant> | undefined,
  gated: boolean,
  output: (slice: WeightSlice, bindings: BindingList, threads: number) => MatmulOutput,
): void {
  const { weight, x, xRows: xRowIds, normalize, rows } = input;
  const chosen = { ...defaultVecVariant(rec.gpu, input, gated, rowsOf(rows, rec.maxStep)), ...variant };
  const { threadsPerRow, threads, threadRows, xRows, shareX } = chosen;
  const arithmetic = x.kind === "packed" ? chosen.arithmetic : "float";
  const tileRows = (threads / threadsPerRow) * threadRows;
  const tileOutputs = gated ? tileRows / 2 : tileRows;
  expectKernel(
    tileOutputs % tileMultiple === 0 && threads % 8 === 0,
    label,
    `${threads} threads make ${tileOutputs} outputs, and should be multiples of 8 and ${tileMultiple}.`,
  );
  const shuffles = (rec.gpu.subgroups?.min ?? 0) >= threadsPerRow && hasSubgroupIds();
  const reduction: TeamReduction = threadsPerRow === 1 ? "none" : shuffles ? "shuffle" : "memory";
  const subgroup = shareX ? sharedSubgroup(rec.gpu) : undefined;
  const subgroups = reduction === "shuffle" || subgroup !== undefined;
  // One more for each row's squares, which are only added up where they are wanted.
  const sumCount = xRows * (threadRows + 1);
  const reducedSums = normalize ? sumCount : xRows * threadRows;
  const loops = groupLoops(weight.type);
  const readQuads = Math.min(groupWeights(weight.type) / 4, 8);
  const body = unroll(arithmetic === "dot" ? dotWgsl : floatWgsl, {
    ...{ threadRows, xRows, readQuads, blockQuads: 8 },
    ...{ groupBlocks: groupWeights(weight.type) / 32, groupReads: groupWeights(weight.type) / 4 / readQuads },
    ...{ partQuads: loops.partQuads, dotParts: 8 / loops.partQuads },
  });
  for (const slice of weight.slices) {
    const bindings = new BindingList();
    const stepBinding = bindings.add(rec.step);
    const xBinding = bindings.add(x.tensor);
    const rowIds = xRowIds ? bindings.declare("read", "xRowIds", "u32", xRowIds) : "";
    const { source, constants } = output(slice, bindings, threads);
    const firstPlane = bindings.slices.length;
    const format = formatBindings(weight.type, slice);
    const table = rec.gpu.software ? "computed" : "table";
    const [gx, gy] = foldWorkgroups(Math.ceil((gated ? weight.rows / 2 : slice.rowCount) / tileOutputs));
    rec.dispatch({
      label,
      source: [
        subgroupDirectives(subgroups),
        constSource({ threads, threadsPerRow, threadRows, xRows, sumCount }),
        `const gated = ${gated};\nconst normalized = ${normalize !== undefined};\n`,
        stepSource(stepBinding),
        gridSource,
        `${rowIds}fn inputRow(r: u32) -> u32 {\n  return ${xRowIds ? "xRowIds[r]" : "r"};\n}\n`,
        source,
        formatSource(weight.type, firstPlane, arithmetic === "dot" ? table : undefined),
        reduceSource(reduction, subgroups, reducedSums),
        withReader(x, xBinding, arithmetic, subgroup, body),
        unroll(wgsl, { threadRows, xRows }),
      ].join(""),
      constants: {
        ...rowConstants(rows),
        ...constants,
        ...format.constants,
        columns: weight.columns,
        sliceRows: slice.rowCount,
        ...(normalize && { eps: normalize.eps }),
      },
      bindings: [...bindings.slices, ...format.bindings],
      workgroups: (step) => [gx, gy, Math.ceil(rowsOf(rows, step) / xRows)],
    });
  }
}
