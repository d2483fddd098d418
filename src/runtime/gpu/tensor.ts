/**
 * Tensors on the GPU, and the legend of shapes that every docstring uses:
 *
 *   T tokens in this step      S cached positions     B sequences      R rows in general
 *   D model width              H query heads          K key/value heads
 *   E head width               F feed-forward width   V vocabulary     L layers
 *
 * Row-major, last dimension contiguous. Activations are f32; weights keep the type of their file.
 */

import { badModelFile } from "../errors.ts";

/** A range of a GPU buffer, as it is bound. */
export interface BufferSlice {
  buffer: GPUBuffer;
  /** Multiple of 256. */
  offsetBytes: number;
  sizeBytes: number;
}

/** An activation or a table of numbers: f32 or u32 elements, or pairs of f16 packed in u32 words. */
export interface Tensor extends BufferSlice {
  dtype: "f32" | "u32" | "f16";
  shape: readonly number[];
}

/** Names of GGML's tensor types that the kernels read. */
export type WeightType = "f32" | "f16" | "q8_0" | "q4_0";

/** One field of a weight block; at load, each field of all blocks becomes an array of its own. */
export interface PlaneFormat {
  name: string;
  /** Where the field starts in a block of the file. */
  offsetBytes: number;
  /** Bytes of the field in one block. */
  sizeBytes: number;
}

/**
 * How a weight type is stored in a file: rows of blocks of `blockWeights` weights in `blockBytes` bytes.
 * Source: GGML's block structs (ggml-common.h).
 */
export interface WeightFormat {
  type: WeightType;
  /** `ggml_type` in a GGUF tensor info. */
  ggmlType: number;
  blockWeights: number;
  blockBytes: number;
  planes: readonly PlaneFormat[];
}

export const weightFormats: Record<WeightType, WeightFormat> = {
  f32: {
    type: "f32",
    ggmlType: 0,
    blockWeights: 1,
    blockBytes: 4,
    planes: [{ name: "values", offsetBytes: 0, sizeBytes: 4 }],
  },
  f16: {
    type: "f16",
    ggmlType: 1,
    blockWeights: 1,
    blockBytes: 2,
    planes: [{ name: "values", offsetBytes: 0, sizeBytes: 2 }],
  },
  /** 32 signed bytes and an f16 scale: w = scale * q. */
  q8_0: {
    type: "q8_0",
    ggmlType: 8,
    blockWeights: 32,
    blockBytes: 34,
    planes: [
      { name: "quants", offsetBytes: 2, sizeBytes: 32 },
      { name: "scales", offsetBytes: 0, sizeBytes: 2 },
    ],
  },
  /** 32 nibbles (byte i holds weights i and i + 16) and an f16 scale: w = scale * (q - 8). */
  q4_0: {
    type: "q4_0",
    ggmlType: 2,
    blockWeights: 32,
    blockBytes: 18,
    planes: [
      { name: "quants", offsetBytes: 2, sizeBytes: 16 },
      { name: "scales", offsetBytes: 0, sizeBytes: 2 },
    ],
  },
};

/** Rows of a weight matrix that fit one binding; `planes` in the order of the format. */
export interface WeightSlice {
  rowStart: number;
  rowCount: number;
  planes: readonly BufferSlice[];
}

/** A weight matrix (rows, columns): y = W x has `rows` outputs. Split by rows where it exceeds the binding limit. */
export interface WeightMatrix {
  name: string;
  type: WeightType;
  rows: number;
  /** Multiple of 8 (f32, f16) or of the format's block. */
  columns: number;
  slices: readonly WeightSlice[];
}

/** Rounds up to a multiple. */
export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** How a matrix is cut into slices and planes: bytes and offsets only, no GPU objects. */
export interface WeightLayout {
  sliceRows: number;
  slices: {
    rowStart: number;
    rowCount: number;
    sizeBytes: number;
    planes: { offsetBytes: number; sizeBytes: number }[];
  }[];
}

/**
 * Where each plane of each slice of a (rows, columns) matrix lies in its buffer. Planes start at multiples of 256;
 * sizes are rounded up to whole 16-byte words, so that kernels can read `vec4<u32>`.
 * @param maxBindingBytes the device's `maxStorageBufferBindingSize`
 * @throws OmniError `bad_model_file` where the columns do not divide into blocks
 */
export function weightLayout(
  name: string,
  type: WeightType,
  rows: number,
  columns: number,
  maxBindingBytes: number,
  maxBufferBytes: number,
): WeightLayout {
  const format = weightFormats[type];
  const multiple = Math.max(8, format.blockWeights);
  if (rows < 1 || columns < 1 || columns % multiple !== 0)
    throw badModelFile(
      `Tensor ${name}: rows of ${columns} weights do not divide into ${multiple} (${type}).`,
      name,
    );
  const blocksPerRow = columns / format.blockWeights;
  const planeRowBytes = format.planes.map((plane) => blocksPerRow * plane.sizeBytes);
  const bytesPerRow = planeRowBytes.reduce((a, b) => a + b, 0);
  // Slices of a multiple of 64 rows keep tiles whole and 16-bit planes on word boundaries.
  const limit = Math.min(maxBindingBytes / Math.max(...planeRowBytes), (maxBufferBytes - 1024) / bytesPerRow);
  const sliceRows = rows <= limit ? rows : Math.floor(limit / 64) * 64;
  if (sliceRows === 0)
    throw badModelFile(`Tensor ${name}: 64 rows of ${columns} weights exceed the binding limit.`, name);
  const slices: WeightLayout["slices"] = [];
  for (let rowStart = 0; rowStart < rows; rowStart += sliceRows) {
    const rowCount = Math.min(sliceRows, rows - rowStart);
    let offset = 0;
    const planes = planeRowBytes.map((rowBytes) => {
      const plane = { offsetBytes: offset, sizeBytes: roundUp(rowCount * rowBytes, 16) };
      offset = roundUp(offset + plane.sizeBytes, 256);
      return plane;
    });
    slices.push({ rowStart, rowCount, sizeBytes: offset, planes });
  }
  return { sliceRows, slices };
}
