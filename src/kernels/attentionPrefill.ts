import type { Recording } from "../runtime/gpu/recording.ts";
import {
  type AttentionArgs,
  attentionTuning,
  inputsRange,
  rolledSource,
  tokenRows,
  windowSource,
} from "./attentionArgs.ts";
import kernel from "./attentionPrefill.wgsl?raw";
import { resultSlice, resultSource } from "./attentionResult.ts";
import { cacheSource, pieceWidth } from "./kvCache.ts";
import { constSource, rowConstants, stepSource } from "./prelude.ts";
import { unroll } from "./unroll.ts";

/** Records prefill attention over queries and keys that `ropeAppend` has prepared; the arguments have been checked. */
export function attentionPrefill(rec: Recording, args: AttentionArgs, label: string): void {
  const { qkv, cache, inputs, heads, window = 0xffff_ffff } = args;
  const { kvHeads, headWidth, type } = cache;
  // Elements of q and k that pass through workgroup memory at a time.
  const turn = [32, 16, 8].find((size) => headWidth % size === 0)!;
  const tuning = attentionTuning(rec.gpu, args);
  const threads = tuning.prefillThreads;
  const scoreRows = 256 / threads; // a tile of 32 rows × 8 threads that have 4 positions each
  const valueRows = 512 / threads; // a tile of 32 rows × 16 threads that have every 16th vec4 of E
  const slots = Math.ceil(headWidth / 64);
  const pieceVectors = pieceWidth(type) / 4;
  const range = inputsRange(label, inputs);
  rec.dispatch({
    label,
    source:
      constSource({ heads, groupSize: heads / kvHeads, window }) +
      range.source +
      constSource({ turn, threads, scoreRows, valueRows }) +
      unroll(cacheSource(cache, 1), { pieceVectors }) +
      stepSource(5) +
      resultSource(args, false, threads, 4, false) +
      rolledSource(tuning) +
      unroll(windowSource(kernel, args), { slots, scoreRows, valueRows, pieceVectors }),
    constants: { ...rowConstants(tokenRows), scale: args.scale * Math.LOG2E },
    bindings: [qkv, cache.keys, cache.values, range.slice, resultSlice(args), rec.step],
    workgroups: (step) => [Math.ceil((step.tokens * heads) / kvHeads / 32), kvHeads],
  });
}
