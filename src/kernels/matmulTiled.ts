/** Matrix times many rows in floats: prefill. Tiles of weights and activations pass through workgroup memory. */

import type { Recording } from "../runtime/gpu/recording.ts";
import { formatSource, groupWeights } from "./formats/formats.ts";
import type { MatmulArgs } from "./matmulArgs.ts";
import { type Tile, tileFrame, tileGrid, tileReaders } from "./matmulTile.ts";
import wgsl from "./matmulTiled.wgsl?raw";
import { constSource, rowsOf } from "./prelude.ts";
import { unroll } from "./unroll.ts";

/**
 * Sizes of a tile; see matmulTiled.wgsl. Workgroup memory: 128 bytes per row of either side, 16 KiB at most. threadN is at most 8, threadR 4, teamN and teamR are multiples of 8.
 */
export type MatmulTiledVariant = Tile;

/** 64 weight rows by 64 rows of x; 32 by 32 where that leaves most of a GPU idle. */
export function defaultTiledVariant(sliceRows: number, maxRows: number): MatmulTiledVariant {
  const tiles = Math.ceil(sliceRows / 64) * Math.ceil(maxRows / 64);
  return tiles < 128 || maxRows <= 32
    ? { threadN: 4, threadR: 4, teamN: 8, teamR: 8 }
    : { threadN: 8, threadR: 4, teamN: 8, teamR: 16 };
}

/** One dispatch per slice; arguments as in `matmul`, already checked. */
export function matmulTiled(
  rec: Recording,
  args: MatmulArgs,
  label: string,
  variant?: Partial<MatmulTiledVariant>,
): void {
  const { x, weight, rows } = args;
  const loadQuads = Math.min(groupWeights(weight.type) / 4, 4);
  for (const slice of weight.slices) {
    const tile = { ...defaultTiledVariant(slice.rowCount, rowsOf(rows, rec.maxStep)), ...variant };
    const { threadN, threadR } = tile;
    const { source, firstPlane, constants, bindings } = tileFrame(rec, args, slice);
    rec.dispatch({
      label: `matmulTiled ${label}`,
      source: [
        source,
        formatSource(weight.type, firstPlane),
        constSource({ ...tile }),
        tileReaders[x.kind],
        unroll(wgsl, { threadN, threadR, loadQuads }),
      ].join(""),
      constants,
      bindings,
      workgroups: tileGrid(args, slice, tile),
    });
  }
}
