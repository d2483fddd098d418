/** The loader on a real device: what it wrote is read back. */

import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { BufferSlice } from "../gpu/tensor.ts";
import { BlobSource } from "./blobSource.ts";
import { dequantize } from "./dequantize.ts";
import { readGgufHeader } from "./gguf.ts";
import { type LoadWeightsOptions, loadWeights } from "./load.ts";
import { SourceReader } from "./reader.ts";
import { readPlanes } from "./testing/readPlanes.ts";
import { makeTestFile } from "./testing/testFile.ts";
import type { ByteSource, LoadedWeights } from "./types.ts";

const file = makeTestFile(2);
let device: GPUDevice;
const errors: string[] = [];

beforeAll(async () => {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("no WebGPU adapter");
  const f16 = adapter.features.has("shader-f16") ? "f16" : "no f16";
  console.info(`adapter: ${adapter.info.vendor} ${adapter.info.architecture}, ${f16}`);
  device = await adapter.requestDevice();
  device.addEventListener("uncapturederror", (event) => errors.push(event.error.message));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await device.queue.onSubmittedWorkDone();
  expect(errors.splice(0)).toEqual([]);
});

async function load(
  bytes: Uint8Array<ArrayBuffer>,
  options: Partial<LoadWeightsOptions> = {},
): Promise<LoadedWeights> {
  const blob = new BlobSource(new Blob([bytes]));
  // As of a server that does not tell the size, so that a cut shows while tensors are read.
  const source: ByteSource = { name: "test", sizeBytes: undefined, stream: blob.stream.bind(blob) };
  const reader = new SourceReader(source, options.signal);
  try {
    const header = await readGgufHeader(reader);
    return await loadWeights({ header, reader, requests: file.requests, device, ...options });
  } finally {
    await reader.close();
  }
}

async function readBack({ buffer, offsetBytes, sizeBytes }: BufferSlice): Promise<Uint8Array> {
  const staging = device.createBuffer({
    size: sizeBytes,
    usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offsetBytes, staging, 0, sizeBytes);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const bytes = new Uint8Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return bytes;
}

/** Compares every requested tensor with the file. Returns the number of slices. */
async function expectLoaded(loaded: LoadedWeights): Promise<number> {
  let slices = 0;
  for (const { name, kind, shape } of file.requests) {
    const { type, bytes } = file.tensors.get(name)!;
    const count = shape.reduce((a, b) => a * b);
    const expected = dequantize(type, bytes, count);
    const actual = new Float32Array(count);
    if (kind === "vector") actual.set(readPlanes("f32", [await readBack(loaded.vectors.get(name)!)], count));
    else {
      const { slices: parts, columns } = loaded.matrices.get(name)!;
      slices += parts.length;
      for (const { rowStart, rowCount, planes } of parts) {
        const data = await Promise.all(planes.map(readBack));
        actual.set(readPlanes(type, data, rowCount * columns), rowStart * columns);
      }
    }
    const wrong = actual.findIndex((value, i) => !Object.is(value, expected[i]));
    if (wrong >= 0) expect.fail(`${name}: weight ${wrong} is ${actual[wrong]}, not ${expected[wrong]}`);
  }
  return slices;
}

/** Watches which buffers are created and which of them are freed. */
function watchBuffers(): { created: Set<GPUBuffer>; left: () => number } {
  const created = new Set<GPUBuffer>();
  const destroyed = new Set<GPUBuffer>();
  const create = device.createBuffer.bind(device);
  vi.spyOn(device, "createBuffer").mockImplementation((descriptor) => {
    const buffer = create(descriptor);
    created.add(buffer);
    return buffer;
  });
  const destroy = GPUBuffer.prototype.destroy;
  vi.spyOn(GPUBuffer.prototype, "destroy").mockImplementation(function (this: GPUBuffer) {
    destroyed.add(this);
    destroy.call(this);
    return undefined;
  });
  return { created, left: () => [...created].filter((buffer) => !destroyed.has(buffer)).length };
}

describe("loadWeights on the GPU", () => {
  it("writes every weight where the layout says", async () => {
    const loaded = await load(file.bytes);
    expect(await expectLoaded(loaded)).toBe(9);
    loaded.destroy();
  });

  it("splits over small bindings", async () => {
    const loaded = await load(file.bytes, { limits: { maxBindingBytes: 40_000 } });
    expect(await expectLoaded(loaded)).toBeGreaterThan(60);
    loaded.destroy();
  });

  it("frees everything when destroyed", async () => {
    const { created, left } = watchBuffers();
    const loaded = await load(file.bytes);
    expect([created.size, left()]).toEqual([10, 10]);
    expect([...created].reduce((sum, { size }) => sum + size, 0)).toBe(loaded.sizeBytes);
    loaded.destroy();
    expect(left()).toBe(0);
  });

  it("frees everything when aborted in the middle of a tensor", async () => {
    const { created, left } = watchBuffers();
    const abort = new AbortController();
    const write = device.queue.writeBuffer.bind(device.queue);
    vi.spyOn(device.queue, "writeBuffer").mockImplementation((...args: Parameters<typeof write>) => {
      write(...args);
      if (args[0].label === "large q8_0") abort.abort();
    });
    await expect(load(file.bytes, { signal: abort.signal })).rejects.toMatchObject({ code: "aborted" });
    expect([created.size, left()]).toEqual([10, 0]);
  });

  it("frees everything when the file is cut off", async () => {
    const { created, left } = watchBuffers();
    await expect(load(file.bytes.slice(0, file.bytes.length - 800_000))).rejects.toMatchObject({
      code: "bad_model_file",
      param: "large q8_0",
    });
    expect([created.size, left()]).toEqual([10, 0]);
  });

  it("reports what the device refuses, and frees the rest", async () => {
    const { left } = watchBuffers();
    const name = "giant";
    const rows = Math.floor(device.limits.maxBufferSize / 32) + 1;
    const header = {
      version: 3,
      metadata: new Map(),
      dataOffsetBytes: 0,
      tensors: [
        { name, ggmlType: 0, type: "f32" as const, shape: [rows, 8], offsetBytes: 0, sizeBytes: rows * 32 },
      ],
    };
    await expect(
      loadWeights({
        header,
        reader: new SourceReader(new BlobSource(new Blob([]))),
        requests: [{ name, kind: "matrix", shape: [rows, 8] }],
        device,
        limits: { maxBindingBytes: 2 ** 50, maxBufferBytes: 2 ** 50 },
      }),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/internal_error|out_of_memory/),
      message: expect.stringContaining(name),
    });
    expect(left()).toBe(0);
  });
});
