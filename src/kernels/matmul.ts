/** Activations times a weight matrix: the choice between the kernel for few rows and the one for many. */

import type { Gpu } from "../runtime/gpu/device.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import { checkMatmul, type MatmulArgs } from "./matmulArgs.ts";
import { matmulTiled } from "./matmulTiled.ts";
import { matmulVec } from "./matmulVec.ts";
import { rowsOf } from "./prelude.ts";

export type { MatmulArgs };

/**
 * Up to this many rows it is the weights' bandwidth that counts. A software adapter gains nothing from tiles: its
 * workgroup memory is as far away as any other, and they take it seconds to compile.
 */
const vecRows = (gpu: Gpu) => (gpu.software ? Infinity : 8);

/**
 * out[r, n] = Σ_k x[r, k] · W[n, k] + bias[n] + residual[r, n] for the rows r of a step; one dispatch per slice of W.
 * Weights are dequantised on the fly; arithmetic and accumulation are f32.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function matmul(rec: Recording, args: MatmulArgs, label: string): void {
  checkMatmul(rec, args, label);
  const maxRows = rowsOf(args.rows, rec.maxStep);
  if (maxRows <= vecRows(rec.gpu)) {
    matmulVec(rec, args, label);
    return;
  }
  const { columns } = args.weight;
  const tensor = { ...args.x, shape: [maxRows, columns] };
  matmulTiled(rec, { ...args, x: { kind: "float", width: columns, tensor } }, label);
}
