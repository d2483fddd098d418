/** Quantized matrix times many packed rows: prefill in integer dot products, with tiles in workgroup memory. */

import type { Recording } from "../runtime/gpu/recording.ts";
import { formatSource, groupLoops, groupWeights } from "./formats/formats.ts";
import type { MatmulArgs } from "./matmulArgs.ts";
import { type Tile, tileFrame, tileGrid } from "./matmulTile.ts";
import wgsl from "./matmulTiledDot.wgsl?raw";
import { constSource, rowsOf } from "./prelude.ts";
import { unroll } from "./unroll.ts";

/**
 * Sizes of a tile; see matmulTiledDot.wgsl. Workgroup memory per block: up to 48 bytes a weight row and 76 a row of x,
 * 15 KiB at most.
 */
export interface MatmulTiledDotVariant extends Tile {
  /** Blocks of 32 columns in a tile: 1 or 2, and at most threads / rows of x in the tile. */
  stepBlocks: number;
}

/**
 * 64 weight rows by 64 rows of x; 32 by 32 where that leaves most of a GPU idle. RDNA2 keeps eight waves per SIMD with
 * 8 by 4 sums in a thread; fewer sums need more reads of workgroup memory for each, more sums leave half the waves.
 */
export function defaultTiledDotVariant(sliceRows: number, maxRows: number): MatmulTiledDotVariant {
  const tiles = Math.ceil(sliceRows / 64) * Math.ceil(maxRows / 64);
  return tiles < 128 || maxRows <= 32
    ? { threadN: 4, threadR: 4, teamN: 8, teamR: 8, stepBlocks: 2 }
    : { threadN: 8, threadR: 4, teamN: 8, teamR: 16, stepBlocks: 2 };
}

/** One dispatch per slice; arguments as in `matmul`, already checked, with packed x. */
export function matmulTiledDot(
  rec: Recording,
  args: MatmulArgs,
  label: string,
  variant?: Partial<MatmulTiledDotVariant>,
): void {
  const { weight, rows } = args;
  const groupBlocks = groupWeights(weight.type) / 32;
  for (const slice of weight.slices) {
    const tile = { ...defaultTiledDotVariant(slice.rowCount, rowsOf(rows, rec.maxStep)), ...variant };
    const { threadN, threadR, stepBlocks } = tile;
    const { source, firstPlane, constants, bindings } = tileFrame(rec, args, slice);
    rec.dispatch({
      label: `matmulTiledDot ${label}`,
      source: [
        source,
        formatSource(weight.type, firstPlane, { packed: "table" }),
        constSource({ ...tile, stepBlocks: Math.max(stepBlocks, groupBlocks) }),
        unroll(wgsl, { threadN, threadR, blockParts: 8 / groupLoops(weight.type).partQuads, groupBlocks }),
      ].join(""),
      constants,
      bindings,
      workgroups: tileGrid(args, slice, tile),
    });
  }
}
