/** Streams tensors from a file into GPU buffers; a few MiB of them are in JavaScript's memory at a time. */

import { badModelFile, OmniError } from "../errors.ts";
import { type Tensor, type WeightMatrix, type WeightSlice, weightFormats } from "../gpu/tensor.ts";
import { dequantize } from "./dequantize.ts";
import {
  type BufferLimits,
  type MatrixPlan,
  type MatrixTarget,
  planWeights,
  type VectorPlan,
} from "./plan.ts";
import { deinterleave } from "./planes.ts";
import type { SourceReader } from "./reader.ts";
import type { LoadedWeights, TensorRequest, TensorTable } from "./types.ts";
import { Uploader } from "./upload.ts";

/** File bytes per write to the GPU. */
const chunkBytes = 2 * 2 ** 20;
/** Chunks are a multiple of this many blocks, so that each plane's part is a multiple of 4 bytes. */
const chunkBlockMultiple = 4;

export interface LoadWeightsOptions {
  header: TensorTable;
  /** Stands at the end of the header, as `readGgufHeader` leaves it. The caller closes it. */
  reader: SourceReader;
  /** Each name once. Tensors that nobody requests are skipped. */
  requests: readonly TensorRequest[];
  device: GPUDevice;
  /** The file position so far, and the one where the last requested tensor ends. */
  onProgress?: (loadedBytes: number, totalBytes: number) => void;
  signal?: AbortSignal | undefined;
  /** Sees the bytes of all requested tensors in the order of the file. */
  onBytes?: ((bytes: Uint8Array) => void) | undefined;
  /** Called once all buffers exist and before they are filled: what is built on them can be prepared meanwhile. */
  onAllocated?: (weights: LoadedWeights) => void | Promise<void>;
  /** Default: the device's own. Smaller ones serve tests of split tensors. */
  limits?: Partial<BufferLimits>;
}

interface Context {
  reader: SourceReader;
  uploader: Uploader;
  progress: () => void;
  onBytes: ((bytes: Uint8Array) => void) | undefined;
  chunk: Uint8Array<ArrayBuffer>;
  /** Where the planes of a chunk are put together. */
  staging: Uint8Array<ArrayBuffer>[];
}

/**
 * @throws OmniError `bad_model_file` (missing tensor, wrong shape, truncated file: names the tensor),
 *   `unsupported_model` (a type that no kernel reads), `out_of_memory`, `device_lost`, `aborted`, and what the source
 *   throws. Every buffer is destroyed by then.
 */
export async function loadWeights(options: LoadWeightsOptions): Promise<LoadedWeights> {
  const { header, reader, requests, device, onProgress, signal } = options;
  const plan = planWeights(header, requests, {
    maxBindingBytes: options.limits?.maxBindingBytes ?? device.limits.maxStorageBufferBindingSize,
    maxBufferBytes: options.limits?.maxBufferBytes ?? device.limits.maxBufferSize,
  });
  const last = plan.tensors.at(-1)?.tensor;
  const totalBytes = last ? last.offsetBytes + last.sizeBytes : 0;
  const uploader = new Uploader(device, plan.sizeBytes);
  const context: Context = {
    reader,
    uploader,
    progress: () => {
      if (signal?.aborted) throw new OmniError("aborted", "Loading the model was cancelled.");
      onProgress?.(reader.offsetBytes, totalBytes);
    },
    onBytes: options.onBytes,
    chunk: new Uint8Array(chunkBytes),
    staging: [],
  };
  try {
    // All buffers first: whether there is room shows before the download.
    const vectorBuffer =
      plan.vectorBytes > 0 ? uploader.createBuffer("vectors", plan.vectorBytes) : undefined;
    const created = new Map(plan.matrices.map((target) => [target, createMatrix(uploader, target)]));
    const matrices = new Map([...created].map(([{ name }, matrix]) => [name, matrix]));
    const joined = new Map(
      [...plan.joined].map(([name, targets]) => [name, targets.map((target) => created.get(target)!)]),
    );
    const vectors = new Map(
      plan.vectors.map(({ name, length, offsetBytes, sizeBytes }): [string, Tensor] => [
        name,
        { buffer: vectorBuffer!, offsetBytes, sizeBytes, dtype: "f32", shape: [length] },
      ]),
    );
    await uploader.check();
    const weights = {
      matrices,
      joined,
      vectors,
      sizeBytes: plan.sizeBytes,
      destroy: () => uploader.destroy(),
    };
    await options.onAllocated?.(weights);

    for (const item of plan.tensors) {
      context.progress();
      const { name, offsetBytes } = item.tensor;
      const gap = offsetBytes - reader.offsetBytes;
      if (gap < 0) throw new OmniError("internal_error", `The reader is past tensor ${name}.`);
      if ((await reader.skip(gap)) < gap) throw truncated(item, reader.offsetBytes);
      if (item.kind === "matrix") await loadMatrix(context, item, created.get(item.target)!);
      else await loadVector(context, item, vectorBuffer!);
    }
    await uploader.finish();
    context.progress();
    return weights;
  } catch (error) {
    uploader.destroy();
    throw error;
  }
}

function createMatrix(uploader: Uploader, target: MatrixTarget): WeightMatrix {
  const { name, type, rows, columns, layout } = target;
  const slices = layout.slices.map(({ rowStart, rowCount, sizeBytes, planes }): WeightSlice => {
    const buffer = uploader.createBuffer(name, sizeBytes);
    return { rowStart, rowCount, planes: planes.map((plane) => ({ buffer, ...plane })) };
  });
  return { name, type, rows, columns, slices };
}

async function loadMatrix(context: Context, plan: MatrixPlan, matrix: WeightMatrix): Promise<void> {
  const { uploader, chunk, staging } = context;
  const format = weightFormats[matrix.type];
  const blocksPerRow = matrix.columns / format.blockWeights;
  // A joined matrix has one slice, of which this tensor fills some rows.
  for (const slice of matrix.slices) {
    const blocks = Math.min(slice.rowCount, plan.rows) * blocksPerRow;
    const firstBlock = plan.firstRow * blocksPerRow;
    if (plan.padding > 0) {
      await loadPadded(context, plan, slice, blocks / blocksPerRow);
      continue;
    }
    for await (const { start, count } of chunks(context, plan, blocks, plan.taps > 1 ? plan.columns : 1)) {
      let planes = [chunk];
      if (plan.taps > 1) {
        staging[0] ??= new Uint8Array(chunkBytes);
        planes = [staging[0]];
        tapByTap(
          chunk,
          staging[0],
          count / plan.columns,
          plan.columns / plan.taps,
          plan.taps,
          format.blockBytes,
        );
      } else if (format.planes.length > 1) {
        planes = format.planes.map((_, p) => {
          staging[p] ??= new Uint8Array(chunkBytes);
          return staging[p];
        });
        deinterleave(format, chunk, count, planes);
      }
      format.planes.forEach((plane, p) => {
        const { buffer, offsetBytes } = slice.planes[p]!;
        const size = padded(planes[p]!, count * plane.sizeBytes);
        uploader.write(buffer, offsetBytes + (firstBlock + start) * plane.sizeBytes, planes[p]!, size);
      });
    }
  }
}

/** Rows of an unquantized matrix, each with zeros behind it. */
async function loadPadded(
  context: Context,
  plan: MatrixPlan,
  slice: WeightSlice,
  rows: number,
): Promise<void> {
  const { blockBytes } = weightFormats[plan.tensor.type];
  const stored = plan.columns - plan.padding;
  const [storedBytes, rowBytes] = [stored * blockBytes, plan.columns * blockBytes];
  const { buffer, offsetBytes } = slice.planes[0]!;
  for await (const { start, count } of chunks(context, plan, rows * stored, stored)) {
    const wide = new Uint8Array((count / stored) * rowBytes);
    for (let row = 0; row < count / stored; row++)
      wide.set(context.chunk.subarray(row * storedBytes, (row + 1) * storedBytes), row * rowBytes);
    context.uploader.write(
      buffer,
      offsetBytes + (plan.firstRow + start / stored) * rowBytes,
      wide,
      wide.length,
    );
  }
}

async function loadVector(context: Context, plan: VectorPlan, buffer: GPUBuffer): Promise<void> {
  const { uploader, chunk } = context;
  const { type } = plan.tensor;
  const { blockWeights } = weightFormats[type];
  for await (const { start, count } of chunks(context, plan, plan.length / blockWeights)) {
    const values = dequantize(type, chunk, count * blockWeights);
    const bytes = new Uint8Array(values.buffer as ArrayBuffer);
    uploader.write(buffer, plan.offsetBytes + start * blockWeights * 4, bytes, bytes.length);
  }
}

/** Reads `blocks` blocks of a tensor into `context.chunk`, a chunk at a time: a multiple of `unit` blocks each. */
async function* chunks(
  context: Context,
  plan: MatrixPlan | VectorPlan,
  blocks: number,
  unit = 1,
): AsyncGenerator<{ start: number; count: number }, void, void> {
  const { blockBytes } = weightFormats[plan.tensor.type];
  const multiple = chunkBlockMultiple * unit;
  const most = Math.floor(chunkBytes / blockBytes / multiple) * multiple;
  for (let start = 0; start < blocks; start += most) {
    const count = Math.min(most, blocks - start);
    const wanted = context.chunk.subarray(0, count * blockBytes);
    if ((await context.reader.read(wanted)) < wanted.length)
      throw truncated(plan, context.reader.offsetBytes);
    context.onBytes?.(wanted);
    yield { start, count };
    context.progress();
    await context.uploader.throttle();
  }
}

/** Rows of (channels, taps) elements as rows of (taps, channels). */
function tapByTap(
  from: Uint8Array,
  to: Uint8Array,
  rows: number,
  channels: number,
  taps: number,
  elementBytes: number,
): void {
  for (let row = 0; row < rows; row++)
    for (let tap = 0; tap < taps; tap++)
      for (let channel = 0; channel < channels; channel++) {
        const read = ((row * channels + channel) * taps + tap) * elementBytes;
        const write = ((row * taps + tap) * channels + channel) * elementBytes;
        for (let i = 0; i < elementBytes; i++) to[write + i] = from[read + i]!;
      }
}

/** Zeros up to a multiple of 4 bytes, as writes to the GPU need; planes have room for that. Returns the size. */
function padded(bytes: Uint8Array, sizeBytes: number): number {
  const end = Math.ceil(sizeBytes / 4) * 4;
  bytes.fill(0, sizeBytes, end);
  return end;
}

function truncated({ tensor }: MatrixPlan | VectorPlan, fileBytes: number) {
  const { name, offsetBytes, sizeBytes } = tensor;
  return badModelFile(
    `The file ends at byte ${fileBytes}, inside or before tensor ${name}, which takes the ${sizeBytes} bytes from ${offsetBytes} on.`,
    name,
  );
}
