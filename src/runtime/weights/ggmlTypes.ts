/**
 * Every tensor type that a GGUF file may name: enough to compute sizes and to say a type's name in an error,
 * also for types that no kernel reads. Source: `ggml_type` and the block structs of GGML (ggml.h, ggml-common.h).
 */

import { type WeightType, weightFormats } from "../gpu/tensor.ts";

export interface GgmlType {
  name: string;
  blockWeights: number;
  blockBytes: number;
}

/** By number: name, weights per block, bytes per block. Missing numbers were removed from GGML. */
const table: readonly [ggmlType: number, name: string, blockWeights: number, blockBytes: number][] = [
  [0, "F32", 1, 4],
  [1, "F16", 1, 2],
  [2, "Q4_0", 32, 18],
  [3, "Q4_1", 32, 20],
  [6, "Q5_0", 32, 22],
  [7, "Q5_1", 32, 24],
  [8, "Q8_0", 32, 34],
  [9, "Q8_1", 32, 36],
  [10, "Q2_K", 256, 84],
  [11, "Q3_K", 256, 110],
  [12, "Q4_K", 256, 144],
  [13, "Q5_K", 256, 176],
  [14, "Q6_K", 256, 210],
  [15, "Q8_K", 256, 292],
  [16, "IQ2_XXS", 256, 66],
  [17, "IQ2_XS", 256, 74],
  [18, "IQ3_XXS", 256, 98],
  [19, "IQ1_S", 256, 50],
  [20, "IQ4_NL", 32, 18],
  [21, "IQ3_S", 256, 110],
  [22, "IQ2_S", 256, 82],
  [23, "IQ4_XS", 256, 136],
  [24, "I8", 1, 1],
  [25, "I16", 1, 2],
  [26, "I32", 1, 4],
  [27, "I64", 1, 8],
  [28, "F64", 1, 8],
  [29, "IQ1_M", 256, 56],
  [30, "BF16", 1, 2],
  [34, "TQ1_0", 256, 54],
  [35, "TQ2_0", 256, 66],
  [39, "MXFP4", 32, 17],
  [40, "NVFP4", 64, 36],
  [41, "Q1_0", 128, 18],
  [42, "Q2_0", 64, 18],
];

const ggmlTypes: ReadonlyMap<number, GgmlType> = new Map(
  table.map(([ggmlType, name, blockWeights, blockBytes]) => [ggmlType, { name, blockWeights, blockBytes }]),
);

const weightTypes: ReadonlyMap<number, WeightType> = new Map(
  Object.values(weightFormats).map((format) => [format.ggmlType, format.type]),
);

/** What is known of a `ggml_type` number; undefined for one that this table does not list. */
export function ggmlType(number: number): GgmlType | undefined {
  return ggmlTypes.get(number);
}

/** The type's name for a message, e.g. `Q4_K`, or `type 77`. */
export function ggmlTypeName(number: number): string {
  return ggmlTypes.get(number)?.name ?? `type ${number}`;
}

/** Our name for the type where kernels can read it. */
export function weightTypeOf(number: number): WeightType | undefined {
  return weightTypes.get(number);
}
