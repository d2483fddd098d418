/**
 * Matrix times many rows by the GPU's matrix units (WGSL's experimental subgroup matrices). No adapter in the tests can
 * run it, so nothing takes it by default: tuning does where its results agree with another kernel's and it is faster.
 */

import type { Gpu } from "../runtime/gpu/device.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import { formatSource, groupWeights } from "./formats/formats.ts";
import type { MatmulArgs } from "./matmulArgs.ts";
import wgsl from "./matmulSubgroupMatrix.wgsl?raw";
import { tileFrame, tileGrid, tileReaders } from "./matmulTile.ts";
import { constSource } from "./prelude.ts";
import { unroll } from "./unroll.ts";

const tile = { threadN: 1, threadR: 1, teamN: 64, teamR: 64 };
const teams = 4;

/** Whether {@link matmulSubgroupMatrix} can run on this device. */
export function canUseSubgroupMatrix(gpu: Gpu): boolean {
  return (
    gpu.subgroupMatrix !== undefined &&
    gpu.subgroups !== undefined &&
    gpu.subgroups.max * teams <= 256 &&
    navigator.gpu.wgslLanguageFeatures.has("subgroup_id")
  );
}

/**
 * One dispatch per slice; arguments as in `matmul`, already checked. Elements are f16 where the matrix units take them:
 * errors are then up to about 2^-11 of the largest product, and x is cut off at ±10^6.
 */
export function matmulSubgroupMatrix(rec: Recording, args: MatmulArgs, label: string): void {
  const { x, weight } = args;
  const { subgroupMatrix: matrix, subgroups } = rec.gpu;
  if (!matrix || !subgroups) throw new TypeError(`${label}: the device has no subgroup matrices`);
  const half = matrix.element === "f16";
  // Rows of a tile are shifted by 16 bytes against each other: a matrix load spreads over the banks.
  const sizes = {
    stepColumns: half ? 32 : 16,
    stride: half ? 40 : 20,
    threads: teams * subgroups.max,
    matrixM: matrix.m,
    matrixN: matrix.n,
    matrixK: matrix.k,
  };
  for (const slice of weight.slices) {
    const { source, firstPlane, constants, bindings } = tileFrame(rec, args, slice);
    rec.dispatch({
      label: `matmulSubgroupMatrix ${label}`,
      source: [
        "diagnostic(off, chromium.subgroup_matrix_uniformity);\n",
        half ? "enable f16;\n" : "",
        "enable subgroups;\nenable chromium_experimental_subgroup_matrix;\n",
        source,
        formatSource(weight.type, firstPlane),
        constSource(sizes),
        `alias Element = ${matrix.element};\nconst elementScale = ${half ? "16.0" : "1.0"};\n`,
        tileReaders[x.kind],
        unroll(wgsl, {
          loadQuads: Math.min(groupWeights(weight.type) / 4, 4),
          matricesR: 32 / matrix.m,
          matricesN: 32 / matrix.n,
        }),
      ].join(""),
      constants,
      bindings,
      workgroups: tileGrid(args, slice, tile),
    });
  }
}
