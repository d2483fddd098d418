/**
 * Rows of f32 as they are, which matmuls of encoders read: without the sums of squares that `Activations` keep for
 * RMSNorm. A convolution of kernel 3 is a matmul over rows that overlap: nothing is copied to make them.
 */

import type { BufferArena } from "../runtime/gpu/buffers.ts";
import type { Recording } from "../runtime/gpu/recording.ts";
import { roundUp, type Tensor } from "../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectSize } from "./checks.ts";
import { constSource, type RowCount, rowsOf } from "./prelude.ts";

/** R rows of K values. */
export interface PlainRows {
  kind: "plain";
  /** K: a multiple of 4; of a convolution 3 · C (1-D) or 9 · C (2-D). */
  width: number;
  /** (R, K) f32; or what is convolved, see {@link ConvWindow}. */
  tensor: Tensor;
  conv?: ConvWindow;
}

/**
 * Room for rows of activations that matmuls read: more than are used, so that they divide into the windows in which software
 * adapters read them (rowWindows.ts).
 */
export function plainRowsTensor(arena: BufferArena, name: string, R: number, width: number): Tensor {
  return arena.tensor(name, "f32", [roundUp(R, 32), width], GPUBufferUsage.UNIFORM);
}

/**
 * Row r of a matmul is what the kernel covers for output r, zeros outside of the input (padding 1).
 *
 *   1-D: the tensor is (stride · R, C); row r is its rows stride · r - 1 … stride · r + 1
 *   2-D: the tensor is (images, height, width, C); row (image, y, x) is a kernel row after the other, of C values each
 */
export interface ConvWindow {
  /** C: a multiple of 4. */
  channels: number;
  stride: number;
  /** Input size in 2-D; the output has ceil(height / stride) · ceil(width / stride) rows per image. */
  image?: { height: number; width: number };
}

/** Output rows and columns of an image. */
export function convOutputSize({ stride, image }: ConvWindow): { height: number; width: number } {
  const { height = 1, width = 1 } = image ?? {};
  return { height: Math.ceil(height / stride), width: Math.ceil(width / stride) };
}

/**
 * Checks rows of a matmul.
 * @param rows those of the output; undefined where the rows to read are listed
 * @throws OmniError `internal_error` naming both shapes
 */
export function expectPlainRows(
  rec: Recording,
  label: string,
  { width, tensor, conv }: PlainRows,
  rows: RowCount | undefined,
  columns: number,
): void {
  expectKernel(
    width === columns && width % 4 === 0,
    label,
    `x is ${width} wide and should be ${columns}, a multiple of 4.`,
  );
  if (!conv) {
    if (rows) expectRows(rec, label, "x", tensor, "f32", rows, width);
    else expectKernel(tensor.dtype === "f32", label, `x is ${tensor.dtype} and should be f32.`);
    return;
  }
  const { channels, stride, image } = conv;
  expectKernel(rows !== undefined, label, "a convolution reads all rows.");
  expectSize(label, "channels", channels, 4);
  expectSize(label, "stride", stride, 1, 2);
  expectKernel(
    channels % 4 === 0 && width === channels * (image ? 9 : 3),
    label,
    `${channels} channels should be a multiple of 4 and ${image ? "a ninth" : "a third"} of ${width} columns.`,
  );
  let inputs = rowsOf(rows, rec.maxStep) * stride;
  if (image) {
    expectSize(label, "image.height", image.height, 1, 65535);
    expectSize(label, "image.width", image.width, 1, 65535);
    const out = convOutputSize(conv);
    const images = Math.ceil(rowsOf(rows, rec.maxStep) / (out.height * out.width));
    inputs = images * image.height * image.width;
  }
  const count = tensor.shape.reduce((a, b) => a * b, 1);
  expectKernel(
    tensor.dtype === "f32" && count >= inputs * channels,
    label,
    `x is ${tensor.dtype} (${tensor.shape.join(", ")}) and should be f32 (${inputs} or more, ${channels}).`,
  );
}

/**
 * Declares, over an array of vec4f named `name` and with `stepRows()`:
 *
 *   fn plainStart(r: u32) -> u32                    stands for the beginning of row r
 *   fn plainQuad(start: u32, quad: u32) -> vec4f    its values 4 · quad … 4 · quad + 3
 */
export function plainSource({ width, conv }: PlainRows, name: string): string {
  if (!conv) return constSource({ plainStride: width / 4 }) + contiguous(name);
  const { channels, stride, image } = conv;
  const sizes = { channelQuads: channels / 4, convStride: stride };
  if (!image) return constSource(sizes) + overlapping(name);
  const out = convOutputSize(conv);
  return (
    constSource({
      ...sizes,
      ...{ imageHeight: image.height, imageWidth: image.width },
      ...{ outWidth: out.width, imageRows: out.height * out.width },
    }) + neighbours(name)
  );
}

const contiguous = (name: string) => `
fn plainStart(r: u32) -> u32 {
  return r * plainStride;
}
fn plainQuad(start: u32, quad: u32) -> vec4f {
  return ${name}[start + quad];
}
`;

// Below the first row the index wraps around: one comparison finds both ends.
const overlapping = (name: string) => `
fn plainStart(r: u32) -> u32 {
  return (r * convStride - 1u) * channelQuads;
}
fn plainQuad(start: u32, quad: u32) -> vec4f {
  let at = start + quad;
  if (at < stepRows() * convStride * channelQuads) {
    return ${name}[at];
  }
  return vec4f();
}
`;

const neighbours = (name: string) => `
fn plainStart(r: u32) -> u32 {
  return r;
}
fn plainQuad(start: u32, quad: u32) -> vec4f {
  let tap = quad / channelQuads;
  let place = start % imageRows;
  let row = place / outWidth * convStride + tap / 3u - 1u;
  let column = place % outWidth * convStride + tap % 3u - 1u;
  if (row < imageHeight && column < imageWidth) {
    return ${name}[((start / imageRows * imageHeight + row) * imageWidth + column) * channelQuads + quad % channelQuads];
  }
  return vec4f();
}
`;
