/** Matrix times many rows: prefill. Tiles of weights and activations pass through workgroup memory. */

import type { Recording } from "../runtime/gpu/recording.ts";
import { formatSource, groupWeights } from "./formats/formats.ts";
import { type MatmulArgs, matmulBindings, matmulConstants } from "./matmulArgs.ts";
import outputWgsl from "./matmulOutput.wgsl?raw";
import wgsl from "./matmulTiled.wgsl?raw";
import { rowsOf, stepSource } from "./prelude.ts";
import { unroll } from "./unroll.ts";

/** Sizes of a tile; see matmulTiled.wgsl. Workgroup memory: 128 bytes per row of either side, 16 KiB at most. */
export interface MatmulTiledVariant {
  /** Weight rows per thread, at most 8. */
  threadN: number;
  /** Threads along N, a multiple of 8. */
  teamN: number;
  /** Threads along R, a multiple of 8; each has 4 rows. */
  teamR: number;
}

/** 64 weight rows by 64 rows of x; 32 by 32 where that leaves most of a GPU idle. */
export function defaultTiledVariant(sliceRows: number, maxRows: number): MatmulTiledVariant {
  const tiles = Math.ceil(sliceRows / 64) * Math.ceil(maxRows / 64);
  return tiles < 128 || maxRows <= 32
    ? { threadN: 4, teamN: 8, teamR: 8 }
    : { threadN: 8, teamN: 8, teamR: 16 };
}

/** One dispatch per slice; arguments as in `matmul`, already checked. */
export function matmulTiled(
  rec: Recording,
  args: MatmulArgs,
  label: string,
  variant?: Partial<MatmulTiledVariant>,
): void {
  const { weight, rows } = args;
  const loadQuads = Math.min(groupWeights(weight.type) / 4, 4);
  for (const slice of weight.slices) {
    const { threadN, teamN, teamR } = {
      ...defaultTiledVariant(slice.rowCount, rowsOf(rows, rec.maxStep)),
      ...variant,
    };
    const body = unroll(wgsl, { threadN, threadR: 4, loadQuads });
    rec.dispatch({
      label: `matmulTiled ${label}`,
      source: stepSource(0) + outputWgsl + formatSource(weight.type, 5) + body,
      constants: { ...matmulConstants(args, slice), threadN, teamN, teamR },
      bindings: matmulBindings(rec, args, slice),
      workgroups: (step) => [
        Math.ceil(slice.rowCount / (threadN * teamN)),
        Math.ceil(rowsOf(rows, step) / (4 * teamR)),
      ],
    });
  }
}
