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
import * as repack from "./repack.ts";

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
export type WeightType =
  | ("f32" | "f16" | "bf16" | "q8_0" | "q4_0" | "q4_1" | "q5_0" | "q5_1")
  | ("q2_k" | "q3_k" | "q4_k" | "q5_k" | "q6_k" | "iq4_nl" | "iq4_xs" | "mxfp4");

/** One field of a weight block; at load, each field of all blocks becomes an array of its own. */
export interface PlaneFormat {
  name: string;
  /** Where the field starts in a block of the file; absent where the format's `repack` writes the plane. */
  offsetBytes?: number;
  /** Bytes of one block in the plane. */
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
  /** Writes what a block has in the planes that are no field of it. */
  repack?: repack.Repack;
}

/** Fields that stay as they are, by name: (offset, size) in a block; others have a size only. */
const planes = (fields: Record<string, readonly [offsetBytes: number | undefined, sizeBytes: number]>) =>
  Object.entries(fields).map(
    ([name, [offsetBytes, sizeBytes]]): PlaneFormat => ({
      name,
      ...(offsetBytes !== undefined && { offsetBytes }),
      sizeBytes,
    }),
  );
const repacked = (sizeBytes: number) => [undefined, sizeBytes] as const;

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
  /** The upper half of an f32. */
  bf16: {
    type: "bf16",
    ggmlType: 30,
    blockWeights: 1,
    blockBytes: 2,
    planes: planes({ values: [0, 2] }),
  },
  /** Nibbles as in Q4_0, an f16 scale and an f16 minimum: w = scale * q + minimum. */
  q4_1: {
    type: "q4_1",
    ggmlType: 3,
    blockWeights: 32,
    blockBytes: 20,
    planes: planes({ quants: [4, 16], scales: [0, 4] }),
  },
  /** Q4_0 and a fifth bit: w = scale * (q - 16). */
  q5_0: {
    type: "q5_0",
    ggmlType: 6,
    blockWeights: 32,
    blockBytes: 22,
    planes: planes({ quants: [6, 16], highs: repacked(4), scales: [0, 2] }),
    repack: repack.q5_0,
  },
  /** Q4_1 and a fifth bit. */
  q5_1: {
    type: "q5_1",
    ggmlType: 7,
    blockWeights: 32,
    blockBytes: 24,
    planes: planes({ quants: [8, 16], highs: repacked(4), scales: [0, 4] }),
    repack: repack.q5_1,
  },
  /** 4 bits; per 32 weights a scale and a minimum of 6 bits, repacked to bytes: w = d * scale * q - dmin * minimum. */
  q4_k: {
    type: "q4_k",
    ggmlType: 12,
    blockWeights: 256,
    blockBytes: 144,
    planes: planes({ quants: repacked(128), scales: repacked(16), supers: [0, 4] }),
    repack: repack.q4_k,
  },
  /** Q4_K and a fifth bit. */
  q5_k: {
    type: "q5_k",
    ggmlType: 13,
    blockWeights: 256,
    blockBytes: 176,
    planes: planes({ quants: repacked(128), highs: repacked(32), scales: repacked(16), supers: [0, 4] }),
    repack: repack.q5_k,
  },
  /** 6 bits; per 16 weights a scale of 8 bits: w = d * scale * (q - 32). */
  q6_k: {
    type: "q6_k",
    ggmlType: 14,
    blockWeights: 256,
    blockBytes: 210,
    planes: planes({ quants: repacked(128), highs: repacked(64), scales: [192, 16], supers: [208, 2] }),
    repack: repack.q6_k,
  },
  /** 2 bits; per 16 weights a scale and a minimum of 4 bits: w = d * scale * q - dmin * minimum. */
  q2_k: {
    type: "q2_k",
    ggmlType: 10,
    blockWeights: 256,
    blockBytes: 84,
    planes: planes({ quants: repacked(64), scales: [0, 16], supers: [80, 4] }),
    repack: repack.q2_k,
  },
  /** 3 bits; per 16 weights a scale of 6 bits, repacked to a signed byte: w = d * scale * (q - 4). */
  q3_k: {
    type: "q3_k",
    ggmlType: 11,
    blockWeights: 256,
    blockBytes: 110,
    planes: planes({ quants: repacked(64), highs: repacked(32), scales: repacked(16), supers: [108, 2] }),
    repack: repack.q3_k,
  },
  /** Nibbles as in Q4_0 that count in a table of 16 signed bytes: w = scale * table[q]. */
  iq4_nl: {
    type: "iq4_nl",
    ggmlType: 20,
    blockWeights: 32,
    blockBytes: 18,
    planes: planes({ quants: [2, 16], scales: [0, 2] }),
  },
  /** The same table; per 32 weights a scale of 6 bits, repacked to a signed byte: w = d * scale * table[q]. */
  iq4_xs: {
    type: "iq4_xs",
    ggmlType: 23,
    blockWeights: 256,
    blockBytes: 136,
    planes: planes({ quants: [8, 128], scales: repacked(8), supers: [0, 2] }),
    repack: repack.iq4_xs,
  },
  /** 4-bit floats (OCP microscaling: a sign, two exponent bits, one of fraction) and a power of two for 32 of them. */
  mxfp4: {
    type: "mxfp4",
    ggmlType: 39,
    blockWeights: 32,
    blockBytes: 17,
    planes: planes({ quants: repacked(16), exponents: [0, 1] }),
    repack: repack.mxfp4,
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

/** Bytes of a row in each plane. */
function planeRowSizes({ planes, blockWeights }: WeightFormat, columns: number): number[] {
  return planes.map(({ sizeBytes }) => (columns / blockWeights) * sizeBytes);
}

/** Rows that one slice can have, with room for the planes' alignment. */
function mostSliceRows(planeRowBytes: number[], maxBindingBytes: number, maxBufferBytes: number): number {
  const bytesPerRow = planeRowBytes.reduce((a, b) => a + b, 0);
  return Math.min(maxBindingBytes / Math.max(...planeRowBytes), (maxBufferBytes - 1024) / bytesPerRow);
}

/** Whether a matrix needs no splitting. */
export function fitsOneSlice(
  type: WeightType,
  rows: number,
  columns: number,
  limits: { maxBindingBytes: number; maxBufferBytes: number },
): boolean {
  const planeRowBytes = planeRowSizes(weightFormats[type], columns);
  return rows <= mostSliceRows(planeRowBytes, limits.maxBindingBytes, limits.maxBufferBytes);
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
  const planeRowBytes = planeRowSizes(format, columns);
  // Slices of a multiple of 64 rows keep tiles whole and 16-bit planes on word boundaries.
  const limit = mostSliceRows(planeRowBytes, maxBindingBytes, maxBufferBytes);
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
