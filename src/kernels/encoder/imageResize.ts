/** Images as encoders take them: resized as Pillow resizes, and normalized. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectSize } from "../checks.ts";
import wgsl from "./imageResize.wgsl?raw";
import { expectImageSizes, imageSizesSource } from "./imageSizes.ts";

export type ResizeFilter = "bilinear" | "bicubic";

export interface ImageResizeArgs {
  /** RGBA bytes as an ImageData has them, one u32 a pixel; alpha is ignored. */
  pixels: Tensor; // (height, width) u32, or room for more
  sizes: Tensor; // (4) u32; see imageSizes.ts
  filter: ResizeFilter;
  /** Of red, green and blue, for values from 0 to 1. */
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
  /** The image between both passes: room for the input's height times the output's width. */
  scratch: Tensor; // u32
  /** Sizes are read on the GPU; these are the largest that they may have. */
  most: { inputHeight: number; height: number; width: number };
  /** Which of the images in `out` it becomes. @default 0 */
  frame?: number;
  out: Tensor; // (frames, 3, height, width) f32, or room for more
}

/** What a side may have, so that twice the products of two sides fit 32 bits. */
const mostPixels = 16384;

/**
 * out[frame, c, y, x] = (resized / 255 - mean[c]) / std[c], by a triangle or by Keys' cubic with a = -0.5, widened where the
 * image shrinks; rounded to bytes after either axis. Two dispatches.
 * Source: Pillow's Resample.c; Keys 1981, doi:10.1109/TASSP.1981.1163711.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function imageResize(rec: Recording, args: ImageResizeArgs, label: string): void {
  const { pixels, sizes, filter, mean, std, scratch, most, frame = 0, out } = args;
  const place = `imageResize ${label}`;
  expectImageSizes(place, sizes);
  for (const [name, value] of Object.entries(most)) expectSize(place, name, value, 1, mostPixels);
  expectSize(place, "frame", frame, 0, 65535);
  expectKernel(pixels.dtype === "u32", place, `pixels is ${pixels.dtype} and should be u32.`);
  const { inputHeight, height, width } = most;
  const holds = (name: string, tensor: Tensor, dtype: Tensor["dtype"], count: number) =>
    expectKernel(
      tensor.dtype === dtype && tensor.shape.reduce((a, b) => a * b, 1) >= count,
      place,
      `${name} is ${tensor.dtype} (${tensor.shape.join(", ")}) and should be ${dtype} (${count} or more).`,
    );
  holds("scratch", scratch, "u32", inputHeight * width);
  holds("out", out, "f32", (frame + 1) * 3 * height * width);
  expectKernel(
    std.every((value) => value > 0) && mean.every(Number.isFinite),
    place,
    `mean ${mean} and std ${std} do not normalize.`,
  );
  expectKernel(pixels.buffer !== scratch.buffer, place, "scratch is in the buffer of pixels.");
  expectKernel(scratch.buffer !== out.buffer, place, "out is in the buffer of scratch.");
  const shared = `${imageSizesSource(0)}const mostInput = vec2(${inputHeight}u, ${mostPixels}u);
const mostOutput = vec2(${height}u, ${width}u);
const frame = ${frame}u;
fn inputSize() -> vec2<u32> {
  return clamp(sizes[0], vec2(1u), mostInput);
}
fn outputSize() -> vec2<u32> {
  return clamp(sizes[1], vec2(1u), mostOutput);
}
${filters[filter]}`;
  const vector = (values: readonly number[]) => `vec3f(${values.map((value) => value.toExponential())})`;
  const normal = `const mean = ${vector(mean)};\nconst deviation = ${vector(std)};\n`;
  rec.dispatch({
    label: `${place} rows`,
    source: shared + rowsPass + wgsl,
    bindings: [sizes, pixels, scratch],
    workgroups: () => [Math.ceil(width / 8), Math.ceil(inputHeight / 8)],
  });
  rec.dispatch({
    label: `${place} columns`,
    source: shared + normal + columnsPass + wgsl,
    bindings: [sizes, scratch, out],
    workgroups: () => [Math.ceil(width / 8), Math.ceil(height / 8)],
  });
}

const filters: Record<ResizeFilter, string> = {
  bilinear: `
const filterSupport = 1.0;
fn filterWeight(x: f32) -> f32 {
  return max(0.0, 1.0 - abs(x));
}
`,
  bicubic: `
const filterSupport = 2.0;
fn filterWeight(x: f32) -> f32 {
  let z = abs(x);
  let inner = (1.5 * z - 2.5) * z * z + 1.0;
  let outer = ((-0.5 * z + 2.5) * z - 4.0) * z + 2.0;
  return select(0.0, select(outer, inner, z < 1.0), z < 2.0);
}
`,
};

const rowsPass = `
@group(0) @binding(1) var<storage, read> pixels: array<u32>; // (input height, input width)
@group(0) @binding(2) var<storage, read_write> scratch: array<u32>; // (input height, output width)
fn gridSize() -> vec2<u32> {
  return vec2(outputSize().y, inputSize().x);
}
fn lineOf(id: vec3<u32>) -> vec3<u32> {
  return vec3(id.x, outputSize().y, inputSize().y);
}
fn loadPixel(id: vec3<u32>, i: u32) -> vec4f {
  return vec4f(unpack4xU8(pixels[id.y * inputSize().y + i]));
}
fn storePixel(id: vec3<u32>, value: vec4f) {
  scratch[id.y * outputSize().y + id.x] = pack4xU8(vec4<u32>(value));
}
`;

const columnsPass = `
@group(0) @binding(1) var<storage, read> scratch: array<u32>; // (input height, output width)
@group(0) @binding(2) var<storage, read_write> out: array<f32>; // (frames, 3, height, width)
fn gridSize() -> vec2<u32> {
  return outputSize().yx;
}
fn lineOf(id: vec3<u32>) -> vec3<u32> {
  return vec3(id.y, outputSize().x, inputSize().x);
}
fn loadPixel(id: vec3<u32>, i: u32) -> vec4f {
  return vec4f(unpack4xU8(scratch[i * outputSize().y + id.x]));
}
fn storePixel(id: vec3<u32>, value: vec4f) {
  let size = outputSize();
  let normal = (value.rgb / 255.0 - mean) / deviation;
  let at = (frame * 3u * size.x + id.y) * size.y + id.x;
  out[at] = normal.r;
  out[at + size.x * size.y] = normal.g;
  out[at + 2u * size.x * size.y] = normal.b;
}
`;
