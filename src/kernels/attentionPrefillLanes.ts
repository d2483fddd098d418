import type { Gpu } from "../runtime/gpu/device.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import {
  type AttentionArgs,
  attentionTuning,
  inputsRange,
  rolledSource,
  tokenRows,
  windowSource,
} from "./attentionArgs.ts";
import kernel from "./attentionPrefillLanes.wgsl?raw";
import { resultSlice, resultSource } from "./attentionResult.ts";
import { cacheSource, pieceWidth } from "./kvCache.ts";
import { constSource, rowConstants, stepSource } from "./prelude.ts";
import { unroll } from "./unroll.ts";

/** Threads of a workgroup, which are a subgroup. */
const lanes = 8;

/** Whether the adapter has subgroups of just the size that this takes. */
export function canPrefillInLanes({ subgroups }: Gpu): boolean {
  return subgroups?.min === lanes && subgroups.max === lanes;
}

/** Records prefill attention as `attentionPrefill` does, one subgroup per workgroup. */
export function attentionPrefillLanes(rec: Recording, args: AttentionArgs, label: string): void {
  const { qkv, cache, inputs, heads, window = 0xffff_ffff } = args;
  const { kvHeads, headWidth, type } = cache;
  // A row is E / lanes registers of a thread; as many rows as keep the compiler quick.
  const tileRows = Math.min(8, 2 ** Math.floor(Math.log2(512 / headWidth)));
  const pieceVectors = pieceWidth(type) / 4;
  const headPieces = headWidth / pieceWidth(type);
  const lanePieces = Math.ceil(headPieces / lanes);
  const wordTurns = Math.ceil(headWidth / 4 / lanes);
  const range = inputsRange(label, inputs);
  rec.dispatch({
    label,
    source:
      "enable subgroups;\n" +
      constSource({ heads, groupSize: heads / kvHeads, window, lanes, tileRows, lanePieces }) +
      range.source +
      unroll(cacheSource(cache, 1), { pieceVectors }) +
      stepSource(5) +
      resultSource(args, false, lanes, 4, true) +
      rolledSource(attentionTuning(rec.gpu, args)) +
      unroll(windowSource(kernel, args), {
        ...{ tileRows, pieceVectors, lanePieces, wordTurns },
        pieceLoads: (pieceVectors * 4) / lanes,
        laneVectors: lanePieces * pieceVectors,
      }),
    constants: { ...rowConstants(tokenRows), scale: args.scale * Math.LOG2E },
    bindings: [qkv, cache.keys, cache.values, range.slice, resultSlice(args), rec.step],
    workgroups: (step) => [Math.ceil((step.tokens * heads) / kvHeads / tileRows), kvHeads],
  });
}
