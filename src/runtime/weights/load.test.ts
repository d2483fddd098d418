/** The loader on a device made of arrays; `load.gpu.test.ts` runs it on real ones. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { weightFormats } from "../gpu/tensor.ts";
import { BlobSource } from "./blobSource.ts";
import { dequantize } from "./dequantize.ts";
import { readGgufHeader } from "./gguf.ts";
import { type LoadWeightsOptions, loadWeights } from "./load.ts";
import { SourceReader } from "./reader.ts";
import { readSafetensorsHeader } from "./safetensors.ts";
import { quantize } from "./testing/quantize.ts";
import { readPlanes } from "./testing/readPlanes.ts";
import { writeSafetensors } from "./testing/safetensorsWriter.ts";
import { makeTestFile } from "./testing/testFile.ts";
import type { ByteSource, GgufHeader } from "./types.ts";

vi.setConfig({ testTimeout: 30_000 }); // a busy machine

class OutOfMemory {
  message = "no memory";
}

/** Keeps what is written to it, and counts. */
class FakeDevice {
  limits = { maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28 };
  buffers: { label: string; bytes: Uint8Array; destroyed: boolean; destroy(): void }[] = [];
  /** Bytes written since the last but one finished wait. */
  mostBytesUnderway = 0;
  #underway = 0;
  #scopes: ("ok" | Error | OutOfMemory)[] = [];
  failure: { at: "create" | "write"; label: string; error: Error | OutOfMemory } | undefined;
  lose: (info: { message: string }) => void = () => {};
  lost = new Promise<{ message: string }>((resolve) => {
    this.lose = resolve;
  });
  keepBytes = true;

  createBuffer = ({ label, size }: { label: string; size: number }) => {
    expect(size % 4).toBe(0);
    const buffer = {
      label,
      bytes: new Uint8Array(this.keepBytes ? size : 0),
      destroyed: false,
      destroy() {
        this.destroyed = true;
      },
    };
    this.buffers.push(buffer);
    this.#fail("create", label);
    return buffer;
  };

  queue = {
    writeBuffer: (
      buffer: (typeof this.buffers)[number],
      offset: number,
      data: Uint8Array,
      start: number,
      size: number,
    ) => {
      expect([offset % 4, size % 4, buffer.destroyed]).toEqual([0, 0, false]);
      if (this.keepBytes) buffer.bytes.set(data.subarray(start, start + size), offset);
      this.#underway += size;
      this.mostBytesUnderway = Math.max(this.mostBytesUnderway, this.#underway);
      this.#fail("write", buffer.label);
    },
    submit: () => {},
    onSubmittedWorkDone: () => {
      const size = this.#underway;
      return new Promise<void>((resolve) =>
        setTimeout(() => {
          this.#underway -= size;
          resolve();
        }, 3),
      );
    },
  };

  #fail(at: "create" | "write", label: string): void {
    if (this.failure?.at === at && this.failure.label === label) {
      expect(this.#scopes.length).toBe(2);
      this.#scopes[this.failure.error instanceof OutOfMemory ? 1 : 0] = this.failure.error;
    }
  }

  pushErrorScope = () => this.#scopes.push("ok");
  popErrorScope = () => {
    const verdict = this.#scopes.pop()!;
    return Promise.resolve(verdict === "ok" ? null : verdict);
  };
}

/** A source that gives a file in pieces of one size. */
function piecewise(bytes: Uint8Array, pieceBytes: number): ByteSource {
  return {
    name: "test",
    sizeBytes: undefined,
    async *stream() {
      for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
    },
  };
}

const file = makeTestFile();
const expectedWeights = new Map(
  file.requests.map(({ name, shape }) => {
    const { type, bytes } = file.tensors.get(name)!;
    const count = shape.reduce((a, b) => a * b);
    return [name, dequantize(type, bytes, count)];
  }),
);
let device: FakeDevice;

beforeEach(() => {
  vi.stubGlobal("GPUBufferUsage", { STORAGE: 128, COPY_DST: 8, COPY_SRC: 4 });
  vi.stubGlobal("GPUOutOfMemoryError", OutOfMemory);
  device = new FakeDevice();
});
afterEach(() => vi.unstubAllGlobals());

async function load(source: ByteSource, options: Partial<LoadWeightsOptions> = {}) {
  const reader = new SourceReader(source, options.signal);
  const header = await readGgufHeader(reader);
  try {
    return await loadWeights({
      header,
      reader,
      requests: file.requests,
      device: device as unknown as GPUDevice,
      ...options,
    });
  } finally {
    await reader.close();
  }
}

type Loaded = Awaited<ReturnType<typeof load>>;

const bytesOf = ({
  buffer,
  offsetBytes,
  sizeBytes,
}: {
  buffer: GPUBuffer;
  offsetBytes: number;
  sizeBytes: number;
}) =>
  (buffer as unknown as FakeDevice["buffers"][number]).bytes.subarray(offsetBytes, offsetBytes + sizeBytes);

/** Compares everything with the file, through an independent reader of blocks. */
function expectLoaded(loaded: Loaded): void {
  expect(loaded.matrices.size + loaded.vectors.size).toBe(file.requests.length);
  for (const { name, kind, shape } of file.requests) {
    const { type } = file.tensors.get(name)!;
    const expected = expectedWeights.get(name)!;
    if (kind === "vector") {
      const { shape: loadedShape, dtype, ...slice } = loaded.vectors.get(name)!;
      expect([dtype, loadedShape]).toEqual(["f32", shape]);
      expect(readPlanes("f32", [bytesOf(slice)], expected.length)).toEqual(expected);
      continue;
    }
    const matrix = loaded.matrices.get(name)!;
    expect(matrix).toMatchObject({ name, type, rows: shape[0], columns: shape[1] });
    let row = 0;
    for (const { rowStart, rowCount, planes } of matrix.slices) {
      expect(rowStart).toBe(row);
      row += rowCount;
      const count = rowCount * matrix.columns;
      const weights = readPlanes(type, planes.map(bytesOf), count);
      const { blockWeights, planes: fields } = weightFormats[type];
      planes.forEach((plane, p) => {
        const padding = bytesOf(plane).subarray((count / blockWeights) * fields[p]!.sizeBytes);
        expect([...padding].every((byte) => byte === 0)).toBe(true);
      });
      const part = expected.subarray(rowStart * matrix.columns, row * matrix.columns);
      if (Buffer.compare(Buffer.from(weights.buffer), Buffer.from(part.slice().buffer)) !== 0)
        expect(weights, `${name} from row ${rowStart}`).toEqual(part);
    }
    expect(row).toBe(matrix.rows);
  }
}

/** A buffer for each matrix, and one for all vectors. */
const bufferCount = file.requests.filter(({ kind }) => kind === "matrix").length + 1;

function expectAllDestroyed(count = bufferCount): void {
  expect(device.buffers.length).toBeGreaterThanOrEqual(count);
  expect(device.buffers.filter(({ destroyed }) => !destroyed)).toEqual([]);
}

describe("loadWeights", () => {
  it.each([4093, 65_536, 2 ** 30])(
    "sorts all tensors into planes, from pieces of %i bytes",
    async (pieceBytes) => {
      const loaded = await load(piecewise(file.bytes, pieceBytes));
      expectLoaded(loaded);
      expect(loaded.sizeBytes).toBe(device.buffers.reduce((sum, { bytes }) => sum + bytes.length, 0));
      loaded.destroy();
      expectAllDestroyed();
    },
  );

  it("splits matrices where bindings are small", async () => {
    const loaded = await load(piecewise(file.bytes, 100_000), { limits: { maxBindingBytes: 200_000 } });
    expect(loaded.matrices.get("large q8_0")!.slices.length).toBe(13);
    expect(loaded.matrices.get("matrix f32")!.slices.length).toBe(1);
    expectLoaded(loaded);
  });

  it("puts a convolution's taps before its channels, in many chunks and few", async () => {
    const [rows, channels, taps] = [700, 56, 3];
    for (const type of ["f32", "f16"] as const) {
      const values = Float32Array.from({ length: rows * channels * taps }, (_, i) => i % 2039);
      const bytes = writeSafetensors([
        {
          name: "c",
          dtype: type.toUpperCase(),
          shape: [rows, channels, taps],
          bytes: quantize(type, values),
        },
      ]);
      const reader = new SourceReader(new BlobSource(new Blob([bytes])));
      const loaded = await loadWeights({
        header: await readSafetensorsHeader(reader),
        reader,
        requests: [{ name: "c", kind: "matrix", shape: [rows, channels * taps], taps }],
        device: device as unknown as GPUDevice,
      });
      await reader.close();
      const stored = dequantize(
        type,
        bytesOf(loaded.matrices.get("c")!.slices[0]!.planes[0]!),
        values.length,
      );
      const wanted = values.map((_, i) => {
        const [row, tap, channel] = [
          Math.floor(i / (channels * taps)),
          Math.floor(i / channels) % taps,
          i % channels,
        ];
        return values[(row * channels + channel) * taps + tap]!;
      });
      expect(stored).toEqual(wanted);
    }
  });

  it("puts zeros behind the rows of a padded matrix, in many chunks and few", async () => {
    const [rows, stored, padding] = [1500, 588, 4];
    for (const [type, maxBindingBytes] of [
      ["f32", 1_000_000],
      ["f16", undefined],
    ] as const) {
      const values = Float32Array.from({ length: rows * stored }, (_, i) => 1 + (i % 2039));
      const bytes = writeSafetensors([
        { name: "p", dtype: type.toUpperCase(), shape: [rows, 3, 14, 14], bytes: quantize(type, values) },
      ]);
      const reader = new SourceReader(new BlobSource(new Blob([bytes])));
      const loaded = await loadWeights({
        header: await readSafetensorsHeader(reader),
        reader,
        requests: [{ name: "p", kind: "matrix", shape: [rows, stored + padding], flat: true, padding }],
        device: device as unknown as GPUDevice,
        ...(maxBindingBytes && { limits: { maxBindingBytes } }),
      });
      await reader.close();
      const { slices } = loaded.matrices.get("p")!;
      expect(slices.length > 1).toBe(maxBindingBytes !== undefined);
      const columns = stored + padding;
      const read = slices.flatMap(({ planes, rowCount }) => [
        ...dequantize(type, bytesOf(planes[0]!), rowCount * columns),
      ]);
      const wanted = Array.from({ length: rows * columns }, (_, i) =>
        i % columns < stored ? values[Math.floor(i / columns) * stored + (i % columns)]! : 0,
      );
      expect(read).toEqual(wanted);
    }
  });

  it("reports progress that ends at the last requested byte, and reads no further", async () => {
    const seen: [number, number][] = [];
    const source = piecewise(file.bytes, 30_000);
    let given = 0;
    await load(
      {
        ...source,
        async *stream(offset) {
          for await (const piece of source.stream(offset)) {
            given += piece.length;
            yield piece;
          }
        },
      },
      { onProgress: (...progress) => seen.push(progress) },
    );
    const total = seen[0]![1];
    expect(seen.every(([loaded, of], i) => of === total && loaded >= (seen[i - 1]?.[0] ?? 0))).toBe(true);
    expect(seen.at(-1)).toEqual([total, total]);
    expect(seen.length).toBeGreaterThan(file.requests.length);
    expect(total).toBeLessThan(file.bytes.length);
    expect(given - total).toBeLessThan(65_536 + 30_000);
  });

  it("waits for the GPU, so that no more than two windows are underway", async () => {
    device.keepBytes = false;
    const rows = 30_000;
    const header: GgufHeader = {
      version: 3,
      metadata: new Map(),
      dataOffsetBytes: 0,
      tensors: [
        { name: "w", ggmlType: 0, type: "f32", shape: [rows, 2048], offsetBytes: 0, sizeBytes: rows * 8192 },
      ],
    };
    const piece = new Uint8Array(2 ** 20);
    const reader = new SourceReader({
      name: "endless",
      sizeBytes: undefined,
      async *stream() {
        for (;;) yield piece;
      },
    });
    const requests = [{ name: "w", kind: "matrix" as const, shape: [rows, 2048] }];
    await loadWeights({ header, reader, requests, device: device as unknown as GPUDevice });
    expect(reader.offsetBytes).toBe(rows * 8192);
    expect(device.mostBytesUnderway).toBeLessThanOrEqual(66 * 2 ** 20);
    expect(device.mostBytesUnderway).toBeGreaterThan(30 * 2 ** 20);
  });
});

describe("loadWeights frees all buffers and names", () => {
  it("a buffer without memory before anything is downloaded", async () => {
    device.failure = { at: "create", label: "matrix q4_0", error: new OutOfMemory() };
    const reader = new SourceReader(piecewise(file.bytes, 1000));
    const header = await readGgufHeader(reader);
    const atHeader = reader.offsetBytes;
    const loading = loadWeights({
      header,
      reader,
      requests: file.requests,
      device: device as unknown as GPUDevice,
    });
    await expect(loading).rejects.toMatchObject({ code: "out_of_memory" });
    expect(reader.offsetBytes).toBe(atHeader);
  });

  it.each<[string, "create" | "write"]>([
    ["matrix q4_0", "create"],
    ["vectors", "create"],
    ["large q8_0", "write"],
  ])("the buffer for which there is no memory: %s on %s", async (label, at) => {
    device.failure = { at, label, error: new OutOfMemory() };
    await expect(load(piecewise(file.bytes, 65_536))).rejects.toMatchObject({
      code: "out_of_memory",
      message: expect.stringMatching(new RegExp(`no room for .*${label}.*part of \\d+\\.\\d MB of weights`)),
    });
    expectAllDestroyed();
  });

  it("a buffer that the device refuses", async () => {
    device.failure = { at: "create", label: "matrix f16", error: new Error("too large") };
    await expect(load(piecewise(file.bytes, 65_536))).rejects.toMatchObject({
      code: "internal_error",
      message: expect.stringMatching(/refused matrix f16.*too large/),
    });
    expectAllDestroyed();
  });

  it("a lost device", async () => {
    device.lose({ message: "unplugged" });
    await expect(load(piecewise(file.bytes, 65_536))).rejects.toMatchObject({
      code: "device_lost",
      message: expect.stringContaining("unplugged"),
    });
    expectAllDestroyed();
  });

  it("the tensor in which the file ends", async () => {
    const header = await readGgufHeader(new SourceReader(piecewise(file.bytes, 65_536)));
    for (const { name, kind } of file.requests) {
      device = new FakeDevice();
      const { offsetBytes, sizeBytes } = header.tensors.find((tensor) => tensor.name === name)!;
      for (const cut of [offsetBytes, offsetBytes + sizeBytes - 1]) {
        await expect(
          load(piecewise(file.bytes.subarray(0, cut), 50_000)),
          `${kind} ${name}`,
        ).rejects.toMatchObject({
          code: "bad_model_file",
          param: name,
        });
        // Where the file is shorter than the header's first read, the header refuses it before any buffer exists.
        expectAllDestroyed(0);
      }
    }
  });

  it("the byte at which a tensor is cut off", async () => {
    const header = await readGgufHeader(new SourceReader(piecewise(file.bytes, 65_536)));
    const { offsetBytes, sizeBytes } = header.tensors.find(({ name }) => name === "large q8_0")!;
    const cut = offsetBytes + 2_200_000;
    await expect(load(piecewise(file.bytes.subarray(0, cut), 65_536))).rejects.toMatchObject({
      message: `The file ends at byte ${cut}, inside or before tensor large q8_0, which takes the ${sizeBytes} bytes from ${offsetBytes} on.`,
    });
    expectAllDestroyed();
  });

  it("nothing but the cancellation when aborted", async () => {
    const abort = new AbortController();
    let calls = 0;
    await expect(
      load(piecewise(file.bytes, 65_536), {
        signal: abort.signal,
        onProgress: () => {
          if (++calls === 8) abort.abort();
        },
      }),
    ).rejects.toMatchObject({ code: "aborted" });
    expect(calls).toBe(8);
    expectAllDestroyed();
  });

  it("what the source says", async () => {
    const source: ByteSource = {
      name: "failing",
      sizeBytes: undefined,
      async *stream() {
        yield file.bytes.subarray(0, 200_000);
        throw new Error("cable cut");
      },
    };
    await expect(load(source)).rejects.toThrow("cable cut");
    expectAllDestroyed();
  });
});
