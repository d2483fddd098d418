/** Activations times a weight matrix for many rows: which kernel, and the size of its tiles. */

import type { Gpu } from "../runtime/gpu/device.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import type { MatmulArgs } from "./matmulArgs.ts";
import { canUseSubgroupMatrix, matmulSubgroupMatrix } from "./matmulSubgroupMatrix.ts";
import type { Tile } from "./matmulTile.ts";
import { matmulTiled } from "./matmulTiled.ts";
import { matmulTiledDot } from "./matmulTiledDot.ts";
import { rowsOf } from "./prelude.ts";
import { tunableRows } from "./tunableOutput.ts";

/** Without sizes: those that the kernel takes by default. */
export type TilesVariant = { kernel: "float" | "dot" | "subgroupMatrix" } & Partial<Tile>;

const tiles: readonly Tile[] = [
  { threadN: 4, threadR: 4, teamN: 8, teamR: 8 },
  { threadN: 8, threadR: 4, teamN: 8, teamR: 8 },
  { threadN: 4, threadR: 4, teamN: 8, teamR: 16 },
  { threadN: 8, threadR: 4, teamN: 8, teamR: 16 },
];

/** Kernels and tiles that are worth a measurement, the default first. */
export function tilesCandidates(gpu: Gpu, { x }: Pick<MatmulArgs, "x">): TilesVariant[] {
  const dots: TilesVariant[] = [
    { kernel: "dot" },
    ...tiles.map((tile) => ({ kernel: "dot", ...tile }) as const),
  ];
  const floats: TilesVariant[] = [
    { kernel: "float" },
    ...tiles.map((tile) => ({ kernel: "float", ...tile }) as const),
  ];
  const integers = x.kind === "packed" ? dots : [];
  return [
    ...(gpu.integerDots ? [...integers, ...floats] : [...floats, ...integers]),
    // Rounds to f16: taken only where it is measured, and its results agree with the others'.
    ...(canUseSubgroupMatrix(gpu) ? [{ kernel: "subgroupMatrix" } as const] : []),
  ];
}

/** One dispatch per slice; arguments as in `matmul`, already checked. */
export function matmulTiles(rec: Recording, args: MatmulArgs, label: string): void {
  const { weight, x, normalize, rows, out } = args;
  const maxRows = rowsOf(rows, rec.maxStep);
  const { type, rows: N, columns } = weight;
  const variant = rec.choose({
    key: `matmulTiles ${type} ${N}x${columns} ${x.kind}${normalize ? " normalized" : ""} rows ${maxRows}`,
    candidates: tilesCandidates(rec.gpu, args),
    outputs: [tunableRows(out, maxRows)],
    record: (other, variant: TilesVariant) => record(other, args, label, variant),
  });
  record(rec, args, label, variant);
}

function record(rec: Recording, args: MatmulArgs, label: string, { kernel, ...tile }: TilesVariant): void {
  if (kernel === "subgroupMatrix") matmulSubgroupMatrix(rec, args, label);
  else if (kernel === "dot") matmulTiledDot(rec, args, label, tile);
  else matmulTiled(rec, args, label, tile);
}
