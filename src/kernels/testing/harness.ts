/** Runs kernels in tests: tensors with guard words around them, weights in any format, one replayed step. */

import { expect, inject, onTestFinished } from "vitest";
import { type AdapterOptions, type Gpu, openGpu } from "../../runtime/gpu/device.ts";
import { Recording, type StepSize } from "../../runtime/gpu/recording.ts";
import {
  roundUp,
  type Tensor,
  type WeightMatrix,
  type WeightType,
  weightFormats,
  weightLayout,
} from "../../runtime/gpu/tensor.ts";
import { decodeWeights, encodeWeights, f16Bits, f16Value } from "../formats/formats.ref.ts";

/**
 * Lavapipe is here for its f16: it compiles a kernel for up to half a minute, where SwiftShader takes a second. What no
 * optional feature is needed for is tested on SwiftShader alone, unless `--thorough` asks for everything.
 */
export const compilesSlowly =
  !inject("thorough") && (await navigator.gpu?.requestAdapter())?.features.has("shader-f16") === true;

export const fullVariant: AdapterOptions & { name: string } = { name: "all features" };
/** Without optional features. */
export const plainVariant: typeof fullVariant = {
  name: "no subgroups, no f16",
  disableSubgroups: true,
  disableF16: true,
};

declare module "vitest" {
  interface ProvidedContext {
    thorough: boolean;
  }
}

/** Device variants that every kernel is tested on. */
export const testVariants: readonly (typeof fullVariant)[] = [
  fullVariant,
  ...(compilesSlowly ? [] : [plainVariant]),
];

/** Cases of a test, each of which compiles pipelines of its own: all of them, or a few where that is slow. */
export function casesHere<T>(all: readonly T[], few: readonly T[]): readonly T[] {
  return compilesSlowly ? few : all;
}

/** A NaN with a payload of its own: what untouched words hold, in outputs and after every tensor. */
const guardWord = 0x7fc5_a5a5;
const guardWords = 64;

interface Device {
  gpu: Gpu;
  errors: string[];
}

const devices = new Map<string, Promise<Device>>();

async function openDevice(options: AdapterOptions): Promise<Device> {
  const gpu = await openGpu(options);
  const errors: string[] = [];
  gpu.device.addEventListener("uncapturederror", (event) => errors.push(event.error.message));
  const subgroups = gpu.subgroups ? `subgroups ${gpu.subgroups.min}-${gpu.subgroups.max}` : "no subgroups";
  console.info(`adapter: ${gpu.name}, ${gpu.f16 ? "f16" : "no f16"}, ${subgroups}`);
  return { gpu, errors };
}

/**
 * A device for the running test. Devices and pipelines are shared by the tests of a file that ask for the same
 * options; buffers are freed when the test ends.
 */
export async function openTestGpu(options: AdapterOptions = {}): Promise<TestGpu> {
  const { disableF16, disableSubgroups, maxBindingBytes } = options;
  const key = JSON.stringify([disableF16, disableSubgroups, maxBindingBytes]);
  let device = devices.get(key);
  if (!device) {
    device = openDevice(options);
    devices.set(key, device);
  }
  const testGpu = new TestGpu(await device);
  onTestFinished(() => testGpu.destroy());
  return testGpu;
}

export class TestGpu {
  readonly gpu: Gpu;
  private readonly buffers: GPUBuffer[] = [];

  constructor(private readonly opened: Device) {
    this.gpu = opened.gpu;
  }

  /** An f32 tensor with these values. */
  f32(shape: readonly number[], values: ArrayLike<number>): Tensor {
    return this.upload("f32", shape, new Uint32Array(Float32Array.from(values).buffer));
  }

  u32(shape: readonly number[], values: ArrayLike<number>): Tensor {
    return this.upload("u32", shape, Uint32Array.from(values));
  }

  /** An f16 tensor, two values to a word; values are rounded. Their number is even. */
  f16(shape: readonly number[], values: ArrayLike<number>): Tensor {
    const halves = Uint16Array.from(values, f16Bits);
    return this.upload("f16", shape, new Uint32Array(halves.buffer));
  }

  /** A tensor whose words are all guards: an f32 or f16 output that is not written reads as NaN. */
  output(shape: readonly number[], dtype: Tensor["dtype"] = "f32"): Tensor {
    const count = shape.reduce((a, b) => a * b, 1);
    return this.upload(
      dtype,
      shape,
      new Uint32Array(Math.ceil(count / (dtype === "f16" ? 2 : 1))).fill(guardWord),
    );
  }

  /** Weights in a format of a file, cut into slices by `maxBindingBytes` (default: the device's limit). */
  weights(
    type: WeightType,
    rows: number,
    columns: number,
    values: Float32Array,
    maxBindingBytes = this.gpu.maxBindingBytes,
  ): { matrix: WeightMatrix; values: Float32Array } {
    expect(values.length).toBe(rows * columns);
    const file = encodeWeights(type, values);
    const name = `${type} (${rows}, ${columns})`;
    const format = weightFormats[type];
    const layout = weightLayout(name, type, rows, columns, maxBindingBytes, this.gpu.maxBufferBytes);
    const blocksPerRow = columns / format.blockWeights;
    const slices = layout.slices.map((slice) => {
      const bytes = new Uint8Array(slice.sizeBytes);
      const firstBlock = slice.rowStart * blocksPerRow;
      for (let block = 0; block < slice.rowCount * blocksPerRow; block++) {
        const from = (firstBlock + block) * format.blockBytes;
        format.planes.forEach((plane, p) => {
          if (plane.offsetBytes === undefined) return;
          const field = file.subarray(from + plane.offsetBytes, from + plane.offsetBytes + plane.sizeBytes);
          bytes.set(field, slice.planes[p]!.offsetBytes + block * plane.sizeBytes);
        });
        const planes = slice.planes.map(({ offsetBytes }) => new DataView(bytes.buffer, offsetBytes));
        format.repack?.(new DataView(file.buffer), from, planes, block);
      }
      const buffer = this.buffer(slice.sizeBytes);
      this.gpu.device.queue.writeBuffer(buffer, 0, bytes);
      const { rowStart, rowCount } = slice;
      return { rowStart, rowCount, planes: slice.planes.map((plane) => ({ buffer, ...plane })) };
    });
    return { matrix: { name, type, rows, columns, slices }, values: decodeWeights(type, file) };
  }

  /**
   * Records kernels, compiles them and replays them `times` times for a step of this size.
   * WebGPU errors fail the test.
   */
  async run(
    record: (rec: Recording) => void,
    step: StepSize,
    { maxStep = step, times = 1 }: { maxStep?: StepSize; times?: number } = {},
  ): Promise<Recording> {
    const { device } = this.gpu;
    const buffer = this.buffer(16, GPUBufferUsage.UNIFORM);
    device.queue.writeBuffer(buffer, 0, Uint32Array.of(step.tokens, step.outputs));
    const stepSlice = { buffer, offsetBytes: 0, sizeBytes: 16 };
    device.pushErrorScope("validation");
    const rec = new Recording(this.gpu, stepSlice, maxStep);
    let failure: unknown;
    try {
      record(rec);
      await rec.compile();
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (let i = 0; i < times; i++) rec.encode(pass, step);
      pass.end();
      device.queue.submit([encoder.finish()]);
    } catch (thrown) {
      failure = thrown;
    }
    const error = await device.popErrorScope();
    if (failure) throw failure;
    if (error) expect.fail(`WebGPU: ${error.message}`);
    return rec;
  }

  /** The values of a tensor. Fails where a word behind the tensor has been written. */
  async read(tensor: Tensor): Promise<Float32Array | Uint32Array> {
    const { device } = this.gpu;
    const staging = device.createBuffer({
      size: tensor.sizeBytes,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(tensor.buffer, tensor.offsetBytes, staging, 0, tensor.sizeBytes);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const words = new Uint32Array(staging.getMappedRange().slice(0));
    staging.destroy();
    expect(this.opened.errors, "uncaptured WebGPU errors").toEqual([]);
    const count = tensor.shape.reduce((a, b) => a * b, 1);
    const used = Math.ceil(count / (tensor.dtype === "f16" ? 2 : 1));
    const broken = words.subarray(used).findIndex((word) => word !== guardWord);
    if (broken >= 0) expect.fail(`word ${broken} behind a tensor of shape (${tensor.shape}) was overwritten`);
    if (tensor.dtype === "u32") return words.slice(0, used);
    if (tensor.dtype === "f32") return new Float32Array(words.buffer, 0, count).slice();
    return Float32Array.from(new Uint16Array(words.buffer, 0, count), f16Value);
  }

  destroy(): void {
    for (const buffer of this.buffers) buffer.destroy();
    this.buffers.length = 0;
  }

  /** The binding covers the guards too, so that a stray write is not dropped by bounds checks. */
  private upload(dtype: Tensor["dtype"], shape: readonly number[], words: Uint32Array): Tensor {
    const padded = new Uint32Array(roundUp(words.length, 4) + guardWords).fill(guardWord);
    padded.set(words);
    const buffer = this.buffer(padded.byteLength, GPUBufferUsage.UNIFORM);
    this.gpu.device.queue.writeBuffer(buffer, 0, padded);
    return { buffer, offsetBytes: 0, sizeBytes: padded.byteLength, dtype, shape };
  }

  private buffer(sizeBytes: number, usage = 0): GPUBuffer {
    const buffer = this.gpu.device.createBuffer({
      size: roundUp(sizeBytes, 16),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC | usage,
    });
    this.buffers.push(buffer);
    return buffer;
  }
}

/** Whether untouched words of an f32 output still hold the guard: they read as NaN. */
export function expectUntouched(values: ArrayLike<number>, label = "rows beyond the step"): void {
  for (let i = 0; i < values.length; i++)
    if (!Number.isNaN(values[i])) expect.fail(`${label}: element ${i} was written`);
}
