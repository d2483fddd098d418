/** Images as encoders take them: resized as Pillow resizes, and normalized. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectShape, expectSize } from "../checks.ts";
import wgsl from "./imageResize.wgsl?raw";
import { expectImageSizes, imageSizesSource } from "./imageSizes.ts";

export type ResizeFilter = "bilinear" | "bicubic" | "lanczos";

export interface ImageResizeArgs {
  /** RGBA bytes as an ImageData has them, one u32 a pixel; alpha is ignored. */
  pixels: Tensor; // (height, width) u32, or room for more
  sizes: Tensor; // (4) u32; see imageSizes.ts
  /** What is wanted of the resized image: its first row and column, and how many. Default: all of it. */
  window?: Tensor | undefined; // (4) u32
  filter: ResizeFilter;
  /** Of red, green and blue, for values from 0 to 1. */
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
  /** The image between both passes: room for the input's height times the output's width. */
  scratch: Tensor; // u32
  /** Sizes are read on the GPU; these are the largest that the input's height, and what is wanted, may have. */
  most: { inputHeight: number; height: number; width: number };
  /** Which of the images in `out` it becomes. @default 0 */
  frame?: number;
  out: Tensor; // (frames, 3, height, width) f32, or room for more
}

/** What a side may have, so that twice the products of two sides fit 32 bits. */
const mostPixels = 16384;

/**
 * out[frame, c, y, x] = (resized / 255 - mean[c]) / std[c], by a triangle, by Keys' cubic with a = -0.5 or
 * by Lanczos' window of three lobes, widened where the image shrinks; rounded to bytes after either axis. Two dispatches.
 * Source: Pillow's Resample.c; Keys 1981, doi:10.1109/TASSP.1981.1163711.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function imageResize(rec: Recording, args: ImageResizeArgs, label: string): void {
  const { pixels, sizes, window, filter, mean, std, scratch, most, frame = 0, out } = args;
  const place = `imageResize ${label}`;
  expectImageSizes(place, sizes);
  if (window) expectShape(place, "window", window, "u32", [4]);
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
  const shared = `${imageSizesSource(0)}const mostPixels = ${mostPixels}u;
const mostInput = vec2(${inputHeight}u, mostPixels);
const mostOutput = vec2(${height}u, ${width}u);
const frame = ${frame}u;
fn inputSize() -> vec2<u32> {
  return clamp(sizes[0], vec2(1u), mostInput);
}
fn resizedSize() -> vec2<u32> {
  return clamp(sizes[1], vec2(1u), vec2(mostPixels));
}
${window ? windowSource : wholeSource}
${filters[filter]}`;
  const vector = (values: readonly number[]) => `vec3f(${values.map((value) => value.toExponential())})`;
  const normal = `const mean = ${vector(mean)};\nconst deviation = ${vector(std)};\n`;
  rec.dispatch({
    label: `${place} rows`,
    source: shared + rowsPass + wgsl,
    bindings: [sizes, pixels, scratch, ...(window ? [window] : [])],
    workgroups: () => [Math.ceil(width / 8), Math.ceil(inputHeight / 8)],
  });
  rec.dispatch({
    label: `${place} columns`,
    source: shared + normal + columnsPass + wgsl,
    bindings: [sizes, scratch, out, ...(window ? [window] : [])],
    workgroups: () => [Math.ceil(width / 8), Math.ceil(height / 8)],
  });
}

/** Declare `outputSize` and `outputStart`: what is wanted of the resized image. */
const wholeSource = `
fn outputSize() -> vec2<u32> {
  return min(resizedSize(), mostOutput);
}
fn outputStart() -> vec2<u32> {
  return vec2(0u);
}
`;
const windowSource = `
@group(0) @binding(3) var<storage, read> wanted: array<vec2<u32>, 2>;
fn outputSize() -> vec2<u32> {
  return clamp(wanted[1], vec2(1u), mostOutput);
}
fn outputStart() -> vec2<u32> {
  return min(wanted[0], vec2(mostPixels));
}
`;

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
  // Source: Duchon 1979, doi:10.1175/1520-0450(1979)018<1016:LFIOAT>2.0.CO;2.
  lanczos: `
const filterSupport = 3.0;
fn filterWeight(x: f32) -> f32 {
  let z = 3.14159265 * abs(x);
  if (z < 1e-4) {
    return 1.0;
  }
  return select(0.0, sin(z) * sin(z / 3.0) * 3.0 / (z * z), abs(x) < 3.0);
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
  return vec3(id.x + outputStart().y, resizedSize().y, inputSize().y);
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
  return vec3(id.y + outputStart().x, resizedSize().x, inputSize().x);
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
