/**
 * How kernels read weights of each format. A piece of WGSL per format declares the planes of a slice (see
 * `weightFormats` in gpu/tensor.ts) from binding `firstPlane` on, and reads them in groups: consecutive weights of
 * a row with one scale, so that w = groupScale * quants. Kernels know nothing else about a format:
 *
 *   const groupQuads: u32                             weights of a group, in vec4s
 *   fn loadGroup(row: u32, group: u32) -> Group       one 16-byte word of quants and what goes with it
 *   fn groupScale(group: Group) -> f32
 *   fn quants(group: Group, quad: u32) -> vec4f       weights 4 * quad … 4 * quad + 3 of the group, unscaled
 *
 * They expect `override columns: u32`, the weights of a row, from the kernel.
 */

import type { Tensor, WeightMatrix, WeightType } from "../../runtime/gpu/tensor.ts";
import f16 from "./f16.wgsl?raw";
import f32 from "./f32.wgsl?raw";
import q4_0 from "./q4_0.wgsl?raw";
import q8_0 from "./q8_0.wgsl?raw";

const sources: Record<WeightType, string> = { f32, f16, q8_0, q4_0 };

/** Weights of a group: `4 * groupQuads` of the WGSL. */
export const groupWeights: Record<WeightType, number> = { f32: 4, f16: 8, q8_0: 16, q4_0: 32 };

/** WGSL that reads this type from the planes bound at `firstPlane` and after. */
export function formatSource(type: WeightType, firstPlane: number): string {
  return `const firstPlane = ${firstPlane};\n${sources[type]}`;
}

/** An f32 activation (rows, …) seen as a weight matrix of `rows` rows. Its rows are multiples of 8 wide. */
export function activationMatrix(tensor: Tensor): WeightMatrix {
  const [rows = 1, ...rest] = tensor.shape;
  const columns = rest.reduce((a, b) => a * b, 1);
  return {
    name: "activation",
    type: "f32",
    rows,
    columns,
    slices: [{ rowStart: 0, rowCount: rows, planes: [tensor] }],
  };
}
