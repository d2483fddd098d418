/** Matrix times few rows (decode), with what follows it done in the same dispatch. */

import type { Recording, TunableOutput } from "../runtime/gpu/recording.ts";
import type { Tensor, WeightMatrix, WeightSlice } from "../runtime/gpu/tensor.ts";
import { type ActivationKind, type Activations, expectActivations } from "./activations.ts";
import { expectKernel, expectRows, expectShape } from "./checks.ts";
import { formatBindings, formatSource, groupLoops, groupWeights } from "./formats/formats.ts";
import { checkInput, type MatmulArgs, type MatmulInput, matmulPlace } from "./matmulArgs.ts";
import dotWgsl from "./matmulDot.wgsl?raw";
import floatWgsl from "./matmulFloat.wgsl?raw";
import {
  type GateActivation,
  gatedOutput,
  type MatmulOutput,
  type NextNorm,
  nextOutput,
  type OutputThreads,
  storeOutput,
} from "./matmulOutput.ts";
import { withReader } from "./matmulReaders.ts";
import { reduceSource, subgroupDirectives, type TeamReduction } from "./matmulReduce.ts";
import wgsl from "./matmulVec.wgsl?raw";
import {
  defaultVecVariant,
  hasSubgroupIds,
  type MatmulVecVariant,
  severalRowsVariant,
  sharedSubgroup,
  tileMultiple,
  vecCandidates,
  vecKey,
} from "./matmulVecVariant.ts";
import {
  BindingList,
  constSource,
  foldWorkgroups,
  gridSource,
  rolledSource,
  rowConstants,
  rowsOf,
  stepSource,
} from "./prelude.ts";
import { rowWindows, wholeWindow, windowStartSource } from "./rowWindows.ts";
import { tunableActivations, tunableRows } from "./tunableOutput.ts";
import { unroll } from "./unroll.ts";
import { touchSource } from "./weightTouch.ts";

/** out[r, n] = Σ_k x[r, k] · W[n, k] (· norm) + bias + residual; arguments as in `matmul`, already checked. */
export function matmulVec(
  rec: Recording,
  args: MatmulArgs,
  label: string,
  variant?: Partial<MatmulVecVariant>,
): void {
  const kernel: VecKernel = {
    name: "matmulVec",
    gated: false,
    output: (slice, bindings) => storeOutput(args, slice, bindings),
    outputs: (rows) => [tunableRows(args.out, rows)],
  };
  record(rec, args, kernel, label, variant);
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
  const kernel: VecKernel = {
    name: "matmulNext",
    gated: false,
    output: (slice, bindings, threads) => nextOutput(residual, next, slice, threads, bindings),
    outputs: (count) => [tunableRows(residual, count), tunableActivations(next.out, count)],
  };
  record(rec, args, kernel, label, variant);
}

export interface MatmulGatedArgs extends MatmulInput {
  gate: GateActivation;
  /** (R, F), where the weight is (2F, K): rows of gate, then rows of up. */
  out: Activations;
}

/** Whether {@link matmulGated} can take this weight: gate and up have to be in one slice. */
export function canGate(weight: WeightMatrix, kind: ActivationKind): boolean {
  const width = weight.rows / 2;
  return weight.slices.length === 1 && width % (kind === "packed" ? 32 : 4) === 0;
}

/**
 * out[r, n] = silu or GELU of gate · up with gate = Σ_k x[r, k] · W[n, k] and up = Σ_k x[r, k] · W[F + n, k].
 * Source: Shazeer 2020, arXiv:2002.05202.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function matmulGated(
  rec: Recording,
  args: MatmulGatedArgs,
  label: string,
  variant?: Partial<MatmulVecVariant>,
): void {
  const { weight, gate, out, rows, x } = args;
  const place = matmulPlace(label, weight);
  checkInput(rec, args, place);
  expectKernel(canGate(weight, out.kind), place, "gate and up are not whole blocks of one slice.");
  expectActivations(rec, place, "out", out, rows, weight.rows / 2);
  expectKernel(x.tensor.buffer !== out.tensor.buffer, place, "out shares its buffer with x.");
  const kernel: VecKernel = {
    name: "matmulGated",
    gated: true,
    output: (_, bindings, threads) => gatedOutput(out, gate, threads, bindings),
    outputs: (count) => [tunableActivations(out, count)],
  };
  record(rec, args, kernel, label, variant);
}

/** What the three kernels differ in. */
interface VecKernel {
  name: string;
  /** Weight rows come in pairs of gate and up. */
  gated: boolean;
  output(slice: WeightSlice, bindings: BindingList, threads: OutputThreads): MatmulOutput;
  /** What it writes, in so many rows. */
  outputs(rows: number): TunableOutput[];
}

/** The variant that is known to be fast here, or the default. */
function chooseVariant(
  rec: Recording,
  input: MatmulInput,
  kernel: VecKernel,
  label: string,
): MatmulVecVariant {
  const { gpu, maxStep } = rec;
  const { gated, name, outputs } = kernel;
  const key = vecKey(name, input);
  const maxRows = rowsOf(input.rows, maxStep);
  if (maxRows > 1) return severalRowsVariant(gpu, input, gated, maxRows, key);
  return rec.choose({
    key,
    candidates: vecCandidates(gpu, input, gated),
    outputs: outputs(maxRows),
    record: (other: Recording, variant: MatmulVecVariant) => record(other, input, kernel, label, variant),
  });
}

/** One dispatch per slice. */
function record(
  rec: Recording,
  input: MatmulInput,
  kernel: VecKernel,
  place: string,
  given: Partial<MatmulVecVariant> | undefined,
): void {
  const { weight, x, xRows: xRowIds, normalize, rows } = input;
  const { gated } = kernel;
  const label = `${kernel.name} ${place}`;
  const chosen = given
    ? { ...defaultVecVariant(rec.gpu, input, gated, rowsOf(rows, rec.maxStep)), ...given }
    : chooseVariant(rec, input, kernel, place);
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
  const uniforms = subgroup ? rowWindows(rec, input, xRows) : undefined;
  const windows = uniforms ?? [wholeWindow(input)];
  const windowQuads = uniforms && uniforms[0]!.pieces[0]!.sizeBytes / 16;
  const subgroups = reduction === "shuffle" || subgroup !== undefined;
  // One more for each row's squares, which are only added up where they are wanted.
  const sumCount = xRows * (threadRows + 1);
  const reducedSums = normalize ? sumCount : xRows * threadRows;
  // Blocks of 32 values are shared.
  const wide = shareX;
  const groupSize = groupWeights(weight.type, wide);
  const loops = groupLoops(weight.type, wide);
  const readQuads = Math.min(groupSize / 4, 8);
  const body = unroll(arithmetic === "dot" ? dotWgsl : floatWgsl, {
    ...{ threadRows, xRows, readQuads, blockQuads: 8 },
    ...{ groupBlocks: groupSize / 32, groupReads: groupSize / 4 / readQuads },
    ...{ partQuads: loops.partQuads, dotParts: 8 / loops.partQuads },
    ...{ partReads: Math.min(loops.partQuads, readQuads), readParts: Math.ceil(readQuads / loops.partQuads) },
  });
  for (const slice of weight.slices) {
    const bindings = new BindingList();
    const stepBinding = bindings.add(rec.step);
    const [firstPiece, ...morePieces] = windows[0]!.pieces;
    const xBindings = [bindings.add(firstPiece!), ...morePieces.map((piece) => bindings.add(piece))] as const;
    const { start: firstStart } = windows[0]!;
    const startBinding = firstStart && bindings.add(firstStart);
    const rowIds = xRowIds ? bindings.declare("read", "xRowIds", "u32", xRowIds) : "";
    const { source, constants } = kernel.output(slice, bindings, {
      count: threads,
      inEights: subgroup === 8,
    });
    const firstPlane = bindings.slices.length;
    const format = formatBindings(weight.type, slice);
    const packed = arithmetic !== "dot" ? undefined : rec.gpu.software ? "computed" : "table";
    const [gx, gy] = foldWorkgroups(Math.ceil((gated ? weight.rows / 2 : slice.rowCount) / tileOutputs));
    const call = {
      label,
      source: [
        subgroupDirectives(subgroups),
        constSource({ threads, threadsPerRow, threadRows, xRows, sumCount }),
        `const gated = ${gated};\nconst normalized = ${normalize !== undefined};\n`,
        stepSource(stepBinding),
        rolledSource(rec.gpu.software),
        gridSource,
        windowStartSource(startBinding),
        `${rowIds}fn inputRow(r: u32) -> u32 {\n  return ${xRowIds ? "xRowIds[r]" : "r"};\n}\n`,
        source,
        formatSource(weight.type, firstPlane, { packed, wide, slowShifts: rec.gpu.slowShifts }),
        touchSource(weight, subgroup === 8 && x.kind === "float" ? subgroup : undefined),
        reduceSource(reduction, subgroups, reducedSums),
        withReader(x, xBindings, subgroup ? { subgroup, windowQuads, batch: xRows } : undefined, body),
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
    };
    for (const { firstRow, rowCount, pieces, start } of windows) {
      const own = [...bindings.slices, ...format.bindings];
      xBindings.forEach((binding, piece) => {
        own[binding] = pieces[piece]!;
      });
      if (startBinding !== undefined) own[startBinding] = start!;
      rec.dispatch({
        ...call,
        bindings: own,
        workgroups(step) {
          const count = Math.min(Math.max(rowsOf(rows, step) - firstRow, 0), rowCount);
          return [gx, gy, Math.ceil(count / xRows)];
        },
      });
    }
  }
}
