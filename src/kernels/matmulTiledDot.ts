/** Quantized matrix times many packed rows: prefill in integer dot products, with tiles in workgroup memory. */

import type { Recording } from "../runtime/gpu/recording.ts";
import { formatSource, groupLoops, groupWeights } from "./formats/formats.ts";
import {
  firstPlaneOf,
  type Tile,
  type TiledMatmulArgs,
  tiledBindings,
  tiledConstants,
  tiledSource,
  tileGrid,
} from "./matmulTiledArgs.ts";
import wgsl from "./matmulTiledDot.wgsl?raw";
import { constSource, rowsOf } from "./prelude.ts";
import { unroll } from "./unroll.ts";

/** Sizes of a tile; see matmulTiledDot.wgsl. */
export interface MatmulTiledDotVariant extends Tile {
  /** Blocks of 32 columns in a tile: 1 or 2; at most threads / rows of x in the tile. */
  stepBlocks: number;
}

export function defaultTiledDotVariant(sliceRows: number, maxRows: number): MatmulTiledDotVariant {
  const tiles = Math.ceil(sliceRows / 64) * Math.ceil(maxRows / 64);
  return tiles < 128 || maxRows <= 32
    ? { threadN: 4, threadR: 4, teamN: 8, teamR: 8, stepBlocks: 2 }
    : { threadN: 8, threadR: 4, teamN: 8, teamR: 16, stepBlocks: 2 };
}

/** The WGSL of a variant for these arguments. */
export function tiledDotSource(args: TiledMatmulArgs, variant: MatmulTiledDotVariant): string {
  const { type } = args.weight;
  const { partQuads } = groupLoops(type);
  const { threadN, threadR } = variant;
  const groupBlocks = groupWeights(type) / 32;
  const sizes = { ...variant, stepBlocks: Math.max(variant.stepBlocks, groupBlocks) };
  return [
    tiledSource(args),
    formatSource(type, firstPlaneOf(args), "table"),
    constSource({ ...sizes }),
    unroll(wgsl, { threadN, threadR, blockParts: 8 / partQuads, groupBlocks }),
  ].join("");
}

/** One dispatch per slice; arguments as in `matmul`, already checked, with packed x. */
export function matmulTiledDot(
  rec: Recording,
  args: TiledMatmulArgs,
  label: string,
  variant?: Partial<MatmulTiledDotVariant>,
): void {
  for (const slice of args.weight.slices) {
    const chosen = { ...defaultTiledDotVariant(slice.rowCount, rowsOf(args.rows, rec.maxStep)), ...variant };
    rec.dispatch({
      label: `matmulTiledDot ${label}`,
      source: tiledDotSource(args, chosen),
      constants: tiledConstants(args, slice),
      bindings: tiledBindings(rec, args, slice),
      workgroups: tileGrid(args, slice, chosen),
    });
  }
}
