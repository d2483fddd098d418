/**
 * Rows of x in windows, a dispatch each, of one or more pieces that fit a uniform binding. Mesa's software adapter turns
 * loads from uniforms into straight code; those from storage check every lane, which is dear where many registers are in
 * use.
 */

import type { Recording } from "../runtime/gpu/recording.ts";
import type { BufferSlice } from "../runtime/gpu/tensor.ts";
import type { MatmulInput } from "./matmulArgs.ts";
import { rowsOf } from "./prelude.ts";

export interface RowWindow {
  firstRow: number;
  rowCount: number;
  /** Of equally many rows; of several, each batch of rows passes through all in turn. */
  pieces: BufferSlice[];
  /** A uniform u32 that is `firstRow`, where there are several windows. */
  start?: BufferSlice;
}

/** All of x in storage, as one window. */
export function wholeWindow({ x }: MatmulInput): RowWindow {
  return { firstRow: 0, rowCount: Infinity, pieces: [x.tensor] };
}

/** Declares `windowStart()`: the row of a step where the window starts that is bound. */
export function windowStartSource(binding: number | undefined): string {
  if (binding === undefined) return "fn windowStart() -> u32 {\n  return 0u;\n}\n";
  return `@group(0) @binding(${binding}) var<uniform> firstWindowRow: u32;
fn windowStart() -> u32 {
  return firstWindowRow;
}
`;
}

/** WebGPU's default for `maxUniformBufferBindingSize`. */
const largestBytes = 65_536;
/** Every eighth row of float activations is aligned as bindings have to be. */
const alignedRows = 8;
const mostStarts = 256;
/** Bindings start at multiples of this many bytes; there are at most 12 in a shader, some of them for other things. */
const alignment = 256;
const mostPieces = 8;

/**
 * Windows of equal size over the rows that the largest step reads, or undefined where x cannot be bound so. The size follows
 * from x alone, so that steps of different sizes share pipelines.
 * @param batch rows that a workgroup takes
 */
export function rowWindows(rec: Recording, input: MatmulInput, batch: number): RowWindow[] | undefined {
  const { tensor } = input.x;
  const maxRows = rowsOf(input.rows, rec.maxStep);
  const size = windowSize(input, maxRows, batch);
  if (size === undefined) return undefined;
  const { rowCount, pieceCount } = size;
  const rowBytes = bytesOfRow(input);
  const sizeBytes = (rowCount / pieceCount) * rowBytes;
  const several = maxRows > 1 && rowCount < roomOf(input);
  return Array.from({ length: Math.ceil(maxRows / rowCount) }, (_, i) => {
    const firstRow = i * rowCount;
    return {
      ...{ firstRow, rowCount },
      pieces: Array.from({ length: pieceCount }, (_, piece) => ({
        buffer: tensor.buffer,
        offsetBytes: tensor.offsetBytes + firstRow * rowBytes + piece * sizeBytes,
        sizeBytes,
      })),
      ...(several && { start: rowStart(rec.gpu.device, firstRow) }),
    };
  });
}

/** Whether there are {@link rowWindows}. */
export function hasRowWindows(input: MatmulInput, maxRows: number, batch: number): boolean {
  return windowSize(input, maxRows, batch) !== undefined;
}

const bytesOfRow = ({ x }: MatmulInput) => (x.kind === "plain" ? x.width : x.tensor.shape[1]!) * 4;

/** How many rows x has room for. */
const roomOf = ({ x }: MatmulInput) =>
  x.kind === "plain" ? Math.floor(x.tensor.shape.reduce((a, b) => a * b, 1) / x.width) : x.tensor.shape[0]!;

/**
 * The only row of a step, or all rows that x has, or as many as divide them and begin where a binding can; of wide rows one
 * batch, in pieces.
 */
function windowSize(
  input: MatmulInput,
  maxRows: number,
  batch: number,
): { rowCount: number; pieceCount: number } | undefined {
  const { x, xRows } = input;
  if (x.kind === "packed" || xRows || (x.tensor.buffer.usage & GPUBufferUsage.UNIFORM) === 0)
    return undefined;
  if (x.kind === "plain" && x.conv) return undefined;
  const count = maxRows === 1 ? 1 : roomOf(input);
  const rowBytes = bytesOfRow(input);
  const most = Math.floor(largestBytes / rowBytes);
  if (count <= most) return { rowCount: count, pieceCount: 1 };
  if (count > mostStarts * alignedRows) return undefined;
  for (let rows = most - (most % alignedRows); rows > 0; rows -= alignedRows)
    if (count % rows === 0 && rows % batch === 0) return { rowCount: rows, pieceCount: 1 };
  if (batch % alignedRows > 0 || count % batch > 0) return undefined;
  for (let pieceCount = 2; pieceCount <= mostPieces; pieceCount *= 2) {
    const rows = batch / pieceCount;
    if (rows <= most && (rows * rowBytes) % alignment === 0) return { rowCount: batch, pieceCount };
  }
  return undefined;
}

const starts = new WeakMap<GPUDevice, GPUBuffer>();

/** A number in a buffer of the device's, as neither constants (a pipeline each) nor the step can tell a window its place. */
function rowStart(device: GPUDevice, row: number): BufferSlice {
  let buffer = starts.get(device);
  if (!buffer) {
    const words = Uint32Array.from({ length: mostStarts * 64 }, (_, i) => Math.floor(i / 64) * alignedRows);
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    buffer = device.createBuffer({ label: "row starts", size: words.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, words);
    starts.set(device, buffer);
  }
  return { buffer, offsetBytes: (row / alignedRows) * 256, sizeBytes: 16 };
}
