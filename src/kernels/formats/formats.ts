/**
 * How kernels read weights of each format. A piece of WGSL per format declares the planes of a slice (see
 * `weightFormats` in gpu/tensor.ts) from binding `firstPlane` on, and reads them in groups: consecutive weights of
 * a row in parts with one scale each, so that w = groupScale * quants + groupOffset. Kernels know nothing else about
 * a format:
 *
 *   const groupQuads: u32                                    weights of a group, in vec4s
 *   const groupParts, partQuads: u32                         parts of a group, and vec4s in each (4 or 8 if quantized)
 *   fn loadGroup(row: u32, group: u32) -> Group              whole 16-byte words of quants and what goes with them
 *   fn groupScale(group: Group, part: u32) -> f32
 *   const hasOffset: bool
 *   fn groupOffset(group: Group, part: u32) -> f32           0 in formats without minima
 *   fn quants(group: Group, quad: u32) -> vec4f              weights 4 * quad … 4 * quad + 3 of the group, unscaled
 *
 * and of quantized formats, for packed dot products:
 *
 *   fn packedQuad(group: Group, quad: u32) -> u32            the same four as signed bytes: quants + quantBias
 *   const quantBias: f32
 *   fn initFormat(thread: u32, threads: u32)                 call it first: it may fill a table, with a barrier
 *
 * They expect `override columns: u32`, the weights of a row, from the kernel, and what byteValues.ts declares.
 */

import {
  type BufferSlice,
  type WeightSlice,
  type WeightType,
  weightFormats,
} from "../../runtime/gpu/tensor.ts";
import bf16 from "./bf16.wgsl?raw";
import { byteValuesSource } from "./byteValues.ts";
import f16 from "./f16.wgsl?raw";
import f32 from "./f32.wgsl?raw";
import iq4 from "./iq4.wgsl?raw";
import iq4_nl from "./iq4_nl.wgsl?raw";
import iq4_xs from "./iq4_xs.wgsl?raw";
import mxfp4 from "./mxfp4.wgsl?raw";
import nibbleBytes from "./nibbleBytes.wgsl?raw";
import nibbleTable from "./nibbleTable.wgsl?raw";
import q2_k from "./q2_k.wgsl?raw";
import q3_k from "./q3_k.wgsl?raw";
import q4_0 from "./q4_0.wgsl?raw";
import q4_1 from "./q4_1.wgsl?raw";
import q4_k from "./q4_k.wgsl?raw";
import q5_0 from "./q5_0.wgsl?raw";
import q5_1 from "./q5_1.wgsl?raw";
import q5_k from "./q5_k.wgsl?raw";
import q6_k from "./q6_k.wgsl?raw";
import q8_0 from "./q8_0.wgsl?raw";

interface FormatKernel {
  wgsl: string;
  /** Weights of a group (`4 * groupQuads`), and of a part where there are several. */
  groupWeights: number;
  partWeights?: number;
  /** What `packedQuad` gives: bytes below 128, signed bytes, or nibbles that stand for other numbers; or nothing. */
  bytes?: "unsigned" | "signed" | "nibbles";
}

const kernels: Record<WeightType, FormatKernel> = {
  f32: { wgsl: f32, groupWeights: 4 },
  f16: { wgsl: f16, groupWeights: 8 },
  bf16: { wgsl: bf16, groupWeights: 8 },
  q8_0: { wgsl: q8_0, groupWeights: 32, bytes: "signed" },
  q4_0: { wgsl: q4_0, groupWeights: 32, bytes: "unsigned" },
  q4_1: { wgsl: q4_1, groupWeights: 32, bytes: "unsigned" },
  q5_0: { wgsl: q5_0, groupWeights: 32, bytes: "unsigned" },
  q5_1: { wgsl: q5_1, groupWeights: 32, bytes: "unsigned" },
  q2_k: { wgsl: q2_k, groupWeights: 64, partWeights: 16, bytes: "unsigned" },
  q3_k: { wgsl: q3_k, groupWeights: 64, partWeights: 16, bytes: "unsigned" },
  q4_k: { wgsl: q4_k, groupWeights: 32, bytes: "unsigned" },
  q5_k: { wgsl: q5_k, groupWeights: 32, bytes: "unsigned" },
  q6_k: { wgsl: q6_k, groupWeights: 32, partWeights: 16, bytes: "unsigned" },
  iq4_nl: { wgsl: iq4 + iq4_nl, groupWeights: 32, bytes: "nibbles" },
  iq4_xs: { wgsl: iq4 + iq4_xs, groupWeights: 32, bytes: "nibbles" },
  mxfp4: { wgsl: mxfp4, groupWeights: 32, bytes: "nibbles" },
};

/** Whether weights of this type can be multiplied as packed bytes. */
export function isPackable(type: WeightType): boolean {
  return kernels[type].bytes !== undefined;
}

/** Weights of a wide group: of those that are floats, as many small groups in a row. */
const wideWeights = 32;

/** Weights of a group. @param wide see {@link FormatOptions} */
export function groupWeights(type: WeightType, wide = false): number {
  const own = kernels[type].groupWeights;
  return wide ? Math.max(own, wideWeights) : own;
}

/** Counts of the loops over a group, for `unroll`. */
export function groupLoops(type: WeightType, wide = false): { groupParts: number; partQuads: number } {
  const own = groupWeights(type, wide);
  const { partWeights = own } = kernels[type];
  return { groupParts: own / partWeights, partQuads: partWeights / 4 };
}

const quantsFrom = {
  unsigned: "smallBytes(packedQuad(group, quad)) - quantBias",
  signed: "signedBytes(packedQuad(group, quad))",
  nibbles: "nibbleValues(nibblesOf(group, quad))",
};

export interface FormatOptions {
  /** For kernels that use `packedQuad`: "table" where workgroup memory is fast, else "computed". */
  packed?: "table" | "computed" | undefined;
  /** Whether groups have 32 weights or more; rows have to be multiples of that. */
  wide?: boolean;
  /** See {@link Gpu.slowShifts}. */
  slowShifts?: boolean;
}

/** WGSL that reads this type from the planes bound at `firstPlane` and after. */
export function formatSource(
  type: WeightType,
  firstPlane: number,
  { packed, wide = false, slowShifts = false }: FormatOptions = {},
): string {
  const { bytes, groupWeights: own } = kernels[type];
  const wgsl = wide && own < wideWeights ? widened(type) : kernels[type].wgsl;
  const { groupParts } = groupLoops(type, wide);
  const hasOffset = wgsl.includes("fn groupOffset(");
  return [
    `const firstPlane = ${firstPlane};
const groupParts = ${groupParts}u;
const partQuads = groupQuads / groupParts;
const hasOffset = ${hasOffset};
${byteValuesSource(slowShifts)}${wgsl}`,
    hasOffset ? "" : "fn groupOffset(group: Group, part: u32) -> f32 {\n  return 0.0;\n}\n",
    bytes === "nibbles" && packed ? (packed === "table" ? nibbleTable : nibbleBytes) : "",
    bytes === "nibbles" && packed ? "" : "fn initFormat(thread: u32, threads: u32) {}\n",
    bytes ? `fn quants(group: Group, quad: u32) -> vec4f {\n  return ${quantsFrom[bytes]};\n}\n` : "",
  ].join("");
}

/** Floats in groups of 32: what the format says of its own groups, by other names, and an array of them. */
function widened(type: WeightType): string {
  const { wgsl, groupWeights } = kernels[type];
  const count = wideWeights / groupWeights;
  const parts = Array.from({ length: count }, (_, i) => `loadSmall(row, group * ${count}u + ${i}u)`);
  const small = wgsl
    .replace(/\bGroup\b/g, "SmallGroup")
    .replace(/\bloadGroup\b/g, "loadSmall")
    .replace(/\bquants\b/g, "smallQuants")
    .replace(/\bgroupQuads\b/g, "smallQuads")
    .replace(/\bgroupScale\b/g, "smallScale");
  return `${small}
const groupQuads = ${wideWeights / 4}u;
struct Group {
  parts: array<SmallGroup, ${count}>,
}
fn loadGroup(row: u32, group: u32) -> Group {
  return Group(array(${parts.join(", ")}));
}
fn groupScale(group: Group, part: u32) -> f32 {
  return 1.0;
}
fn quants(group: Group, quad: u32) -> vec4f {
  return smallQuants(group.parts[quad / smallQuads], quad % smallQuads);
}
`;
}

/** What kernels bind for a slice from `firstPlane` on, and the format's override constants. */
export function formatBindings(
  type: WeightType,
  { planes }: WeightSlice,
): { bindings: BufferSlice[]; constants: Record<string, number> } {
  if (weightFormats[type].planes.at(-1)?.name !== "supers") return { bindings: [...planes], constants: {} };
  // Planes that follow each other share a binding: kernels may have 8 in all.
  const [scales, supers] = planes.slice(-2) as [BufferSlice, BufferSlice];
  const distance = supers.offsetBytes - scales.offsetBytes;
  return {
    bindings: [...planes.slice(0, -2), { ...scales, sizeBytes: distance + supers.sizeBytes }],
    constants: { supersStart: distance / 4 },
  };
}
