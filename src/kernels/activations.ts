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
 *   float:  f32 (R, K + Q): the values, then the sums of squares per 32 of them, padded to Q, a multiple of 4
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
  return roundUp(Math.ceil(width / blockWidth), 4);
}

export function createActivations(
  arena: BufferArena,
  name: string,
  kind: ActivationKind,
  rows: number,
  width: number,
): Activations {
  const dtype = kind === "packed" ? "u32" : "f32";
  return { kind, width, tensor: arena.tensor(name, dtype, activationShape(kind, rows, width)) };
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
 * which. `squares` is the sum of squares of the same four values before the norm's weight. It contains a barrier, so all
 * threads of the workgroup call it; `present` says whose values count, alike for the eight of a block.
 * @param threads of the workgroup: a multiple of 8
 */
export function activationWriteSource(
  kind: ActivationKind,
  width: number,
  binding: number,
  threads: number,
): string {
  const sizes = constSource({
    activationThreads: threads,
    outBlocks: Math.ceil(width / blockWidth),
    outWidthFloats: width + squaresWidth(width),
  });
  return `${sizes}const outValues = ${width}u;
var<workgroup> blockFolds: array<vec2f, activationThreads>;
@group(0) @binding(${binding}) var<storage, read_write> activationsOut: array<${kind === "packed" ? "u32" : "f32"}>;
${kind === "packed" ? writePacked : writeFloat}`;
}

const fold = `
  let largest = max(max(abs(value.x), abs(value.y)), max(abs(value.z), abs(value.w)));
  blockFolds[thread] = vec2f(largest, squares);
  workgroupBarrier();
  let word = thread % 8u;
  let first = thread - word;
`;

// Sums are those of the rounded values, so that a format's offset takes the same rounding errors away that its bytes added.
const writePacked = `
var<workgroup> blockSums: array<f32, activationThreads>;
fn storeActivations(thread: u32, present: bool, row: u32, block: u32, value: vec4f, squares: f32) {
  ${fold}
  var limit = 0.0;
  for (var i = 0u; i < 8u; i++) {
    limit = max(limit, blockFolds[first + i].x);
  }
  // 32512 = 127 · 256: the high byte stays within ±127 after rounding. Below the normal numbers all is zero.
  let inverse = select(0.0, 32512.0 / limit, limit > 1e-30);
  let v = vec4i(round(value * inverse));
  let high = (v + vec4i(128)) >> vec4u(8u);
  let low = v - (high << vec4u(8u));
  blockSums[thread] = f32(v.x + v.y + v.z + v.w);
  workgroupBarrier();
  if (present) {
    let at = (row * 5u * outBlocks + word / 4u * outBlocks + block) * 4u + word % 4u;
    activationsOut[at] = pack4xI8(high);
    activationsOut[at + 8u * outBlocks] = pack4xI8(low);
    if (word < 4u) {
      var summary = select(0.0, limit / 32512.0, limit > 1e-30);
      if (word == 3u) {
        summary = 0.0;
        for (var i = 0u; i < 8u; i++) {
          summary += blockFolds[first + i].y;
        }
      } else if (word > 0u) {
        let half = first + (word - 1u) * 4u;
        summary *= blockSums[half] + blockSums[half + 1u] + blockSums[half + 2u] + blockSums[half + 3u];
      }
      activationsOut[(row * 5u + 4u) * outBlocks * 4u + block * 4u + word] = bitcast<u32>(summary);
    }
  }
}
`;

const writeFloat = `
fn storeActivations(thread: u32, present: bool, row: u32, block: u32, value: vec4f, squares: f32) {
  ${fold}
  if (present) {
    let column = block * 32u + word * 4u;
    let start = row * outWidthFloats;
    for (var i = 0u; i < 4u; i++) {
      if (column + i < outValues) {
        activationsOut[start + column + i] = value[i];
      }
    }
    if (word == 0u) {
      var total = 0.0;
      for (var i = 0u; i < 8u; i++) {
        total += blockFolds[first + i].y;
      }
      activationsOut[start + outValues + block] = total;
    }
  }
}
`;
