/**
 * The rows that matmuls read, written once by whatever computes them, in the form that suits the weights:
 *
 *   packed   for quantized weights: 16-bit integers as two signed bytes (v = 256 · high + low) with a scale per
 *            32 values, so that matmuls need only `dot4I8Packed` and are still as exact as with f32 (each value is within
 *            2^-16 of its block's largest)
 *   float    for F32, F16 and BF16 weights
 *
 * Both keep the sum of squares per 32 values of the row before the norm's weight was multiplied in: RMSNorm then costs
 * its consumer no pass of its own, because the factor 1 / √(mean square + ε) can be applied to a finished dot product.
 */

import type { BufferArena } from "../runtime/gpu/buffers.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import { roundUp } from "../runtime/gpu/tensor.ts";
import { expectKernel } from "./checks.ts";
import { constSource, type RowCount, rowsOf } from "./prelude.ts";

export type ActivationKind = "packed" | "float";

/**
 * R rows of K values.
 *
 *   packed: u32 (R, 5, K / 32, 4): planes of 16-byte words per block of 32 values, in the order of blocks:
 *           high bytes of values 0 to 15, of 16 to 31, low bytes likewise, then four f32: scale, sum of values 0 to 15,
 *           sum of values 16 to 31, sum of squares
 *   float:  f32 (R, K + Q): the values, then the sums of squares per 32 of them, padded with zeros to Q, a multiple of 8:
 *           of 32 bytes, so that every eighth row can begin a binding
 */
export interface Activations {
  kind: ActivationKind;
  /** K; a multiple of 32 if packed, else of 4. */
  width: number;
  tensor: Tensor;
}

/** Values that share a scale and a sum of squares. */
export const blockWidth = 32;

/** Shape of {@link Activations}, whose elements are u32 if packed, else f32. */
export function activationShape(kind: ActivationKind, rows: number, width: number): number[] {
  if (kind === "packed") return [rows, 5, width / blockWidth, 4];
  return [rows, width + squaresWidth(width)];
}

function squaresWidth(width: number): number {
  return roundUp(Math.ceil(width / blockWidth), 8);
}

export function createActivations(
  arena: BufferArena,
  name: string,
  kind: ActivationKind,
  rows: number,
  width: number,
): Activations {
  const dtype = kind === "packed" ? "u32" : "f32";
  // Float rows may be read as a uniform: see rowWindows.ts.
  const usage = kind === "float" ? GPUBufferUsage.UNIFORM : 0;
  return { kind, width, tensor: arena.tensor(name, dtype, activationShape(kind, rows, width), usage) };
}

/** Fails unless the activations hold the rows of the largest step, and are `width` wide. */
export function expectActivations(
  rec: Recording,
  label: string,
  name: string,
  { kind, width: actual, tensor }: Activations,
  rows: RowCount | undefined,
  width: number,
): void {
  const count = rows ? rowsOf(rows, rec.maxStep) : 1;
  expectKernel(
    actual === width && width % (kind === "packed" ? blockWidth : 4) === 0,
    label,
    `${name} is ${actual} wide and should be ${width}, a multiple of ${kind === "packed" ? blockWidth : 4}.`,
  );
  const [first = 0, ...inner] = activationShape(kind, count, width);
  const [actualFirst = 0, ...actualInner] = tensor.shape;
  expectKernel(
    tensor.dtype === (kind === "packed" ? "u32" : "f32") &&
      actualFirst >= first &&
      actualInner.join() === inner.join(),
    label,
    `${name} is ${tensor.dtype} (${tensor.shape.join(", ")}) and should be ${kind} (${[first, ...inner].join(", ")}).`,
  );
}

/**
 * Declares how a kernel writes activations, at one binding (`name` is a prefix where a kernel has several things):
 *
 *   fn storeActivations(thread, present, row, block, value: vec4f, squares: f32)
 *
 * Eight threads with consecutive numbers (thread / 8 equal) write a block, each its four values: thread % 8 says
 * which. `squares` is the sum of squares of the same four values before the norm's weight. It may contain barriers, so
 * all threads of the workgroup call it, with a barrier between two calls; `present` says whose values count, alike for
 * the eight of a block.
 * @param threads of the workgroup: a multiple of 8
 * @param subgroups whether the kernel enables subgroups, and the eight are in one, in this order, at a multiple of 8
 */
export function activationWriteSource(
  kind: ActivationKind,
  width: number,
  binding: number,
  threads: number,
  subgroups = false,
): string {
  const sizes = constSource({
    activationThreads: threads,
    outBlocks: Math.ceil(width / blockWidth),
    outWidthFloats: width + squaresWidth(width),
  });
  return `${sizes}const outValues = ${width}u;
@group(0) @binding(${binding}) var<storage, read_write> activationsOut: array<${kind === "packed" ? "u32" : "f32"}>;
${subgroups ? subgroupFolds : workgroupFolds}
${kind === "packed" ? writePacked : writeFloat}`;
}

// blockMax: the largest of the eight threads' values. blockSums: sums of the first four's, and of the second four's.
const workgroupFolds = `
var<workgroup> blockLimits: array<f32, activationThreads>;
var<workgroup> blockParts: array<vec2f, activationThreads>;
fn blockMax(thread: u32, value: f32) -> f32 {
  blockLimits[thread] = value;
  workgroupBarrier();
  let first = thread / 8u * 8u;
  var limit = 0.0;
  for (var i = 0u; i < 8u; i++) {
    limit = max(limit, blockLimits[first + i]);
  }
  return limit;
}
fn blockSums(thread: u32, value: vec2f) -> vec4f {
  blockParts[thread] = value;
  workgroupBarrier();
  let first = thread / 8u * 8u;
  var sums = vec4f(0.0);
  for (var i = 0u; i < 4u; i++) {
    sums += vec4f(blockParts[first + i], blockParts[first + 4u + i]);
  }
  return sums;
}
`;
const subgroupFolds = `
fn blockMax(thread: u32, value: f32) -> f32 {
  var limit = max(value, subgroupShuffleXor(value, 1u));
  limit = max(limit, subgroupShuffleXor(limit, 2u));
  return max(limit, subgroupShuffleXor(limit, 4u));
}
fn blockSums(thread: u32, value: vec2f) -> vec4f {
  var own = value + subgroupShuffleXor(value, 1u);
  own += subgroupShuffleXor(own, 2u);
  let other = subgroupShuffleXor(own, 4u);
  return select(vec4f(other, own), vec4f(own, other), thread % 8u < 4u);
}
`;

// Sums are those of the rounded values, so that a format's offset takes the same rounding errors away that its bytes added.
const writePacked = `
fn storeActivations(thread: u32, present: bool, row: u32, block: u32, value: vec4f, squares: f32) {
  let limit = blockMax(thread, max(max(abs(value.x), abs(value.y)), max(abs(value.z), abs(value.w))));
  // 32512 = 127 · 256: the high byte stays within ±127 after rounding. Below the normal numbers all is zero.
  let inverse = select(0.0, 32512.0 / limit, limit > 1e-30);
  let scale = select(0.0, limit / 32512.0, limit > 1e-30);
  let v = vec4i(round(value * inverse));
  let high = (v + vec4i(128)) >> vec4u(8u);
  let low = v - (high << vec4u(8u));
  let sums = blockSums(thread, vec2f(f32(v.x + v.y + v.z + v.w), squares));
  if (present) {
    let word = thread % 8u;
    let at = (row * 5u * outBlocks + word / 4u * outBlocks + block) * 4u + word % 4u;
    activationsOut[at] = pack4xI8(high);
    activationsOut[at + 8u * outBlocks] = pack4xI8(low);
    if (word < 4u) {
      let summary = vec4f(scale, scale * sums.x, scale * sums.z, sums.y + sums.w);
      activationsOut[(row * 5u + 4u) * outBlocks * 4u + block * 4u + word] = bitcast<u32>(summary[word]);
    }
  }
}
`;

const writeFloat = `
fn storeActivations(thread: u32, present: bool, row: u32, block: u32, value: vec4f, squares: f32) {
  let sums = blockSums(thread, vec2f(0.0, squares));
  if (present) {
    let word = thread % 8u;
    let column = block * 32u + word * 4u;
    let start = row * outWidthFloats;
    for (var i = 0u; i < 4u; i++) {
      if (column + i < outValues) {
        activationsOut[start + column + i] = value[i];
      }
    }
    if (word == 0u) {
      activationsOut[start + outValues + block] = sums.y + sums.w;
    }
  }
}
`;
