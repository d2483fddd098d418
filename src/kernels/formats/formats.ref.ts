/**
 * CPU reference of the weight formats: encoding rows as a file holds them, and decoding them again. The simple ones are
 * written out here from GGML's block structs (ggml-common.h), independently of the WGSL and of the loader; for the
 * others, blocks are random and `dequantize` is the reference, which goldens of GGML's own code check.
 */

import { type WeightType, weightFormats } from "../../runtime/gpu/tensor.ts";
import { dequantize } from "../../runtime/weights/dequantize.ts";
import { seededRandom } from "../../runtime/weights/testing/random.ts";
import { randomBlocks } from "../../runtime/weights/testing/randomBlocks.ts";

const scratch = new DataView(new ArrayBuffer(8));

/** The f16 nearest to a number (ties to even), as its 16 bits. */
export function f16Bits(value: number): number {
  scratch.setFloat32(0, value);
  const sign = (scratch.getUint32(0) >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  // Below 2^-14 the spacing is 2^-24; above, 2^-10 of the power of two.
  const exponent = magnitude < 2 ** -14 ? -14 : Math.floor(Math.log2(magnitude));
  const units = roundEven(magnitude / 2 ** (exponent - 10));
  return sign | (magnitude < 2 ** -14 ? units : ((exponent + 15) << 10) + (units - 1024));
}

/** The number that 16 bits of f16 stand for. */
export function f16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

interface ReferenceFormat {
  blockWeights: number;
  blockBytes: number;
  /** Writes the block that stands for `values` at `at`. */
  encode(values: Float32Array, bytes: DataView, at: number): void;
  /** The weights of the block at `at`. */
  decode(bytes: DataView, at: number): number[];
}

/** The value of largest magnitude, with its sign. */
function extreme(values: Float32Array): number {
  return values.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
}

const range32 = Array.from({ length: 32 }, (_, i) => i);

const formats: Partial<Record<WeightType, ReferenceFormat>> = {
  f32: {
    blockWeights: 1,
    blockBytes: 4,
    encode: (values, bytes, at) => bytes.setFloat32(at, values[0]!, true),
    decode: (bytes, at) => [bytes.getFloat32(at, true)],
  },
  f16: {
    blockWeights: 1,
    blockBytes: 2,
    encode: (values, bytes, at) => bytes.setUint16(at, f16Bits(values[0]!), true),
    decode: (bytes, at) => [f16Value(bytes.getUint16(at, true))],
  },
  bf16: {
    blockWeights: 1,
    blockBytes: 2,
    encode(values, bytes, at) {
      scratch.setFloat32(0, values[0]!);
      bytes.setUint16(at, scratch.getUint16(0), true);
    },
    decode(bytes, at) {
      scratch.setUint32(0, bytes.getUint16(at, true) << 16);
      return [scratch.getFloat32(0)];
    },
  },
  q8_0: {
    blockWeights: 32,
    blockBytes: 34,
    encode(values, bytes, at) {
      const scale = Math.abs(extreme(values)) / 127;
      bytes.setUint16(at, f16Bits(scale), true);
      for (const i of range32) bytes.setInt8(at + 2 + i, scale ? Math.round(values[i]! / scale) : 0);
    },
    decode(bytes, at) {
      const scale = f16Value(bytes.getUint16(at, true));
      return range32.map((i) => scale * bytes.getInt8(at + 2 + i));
    },
  },
  q4_0: {
    blockWeights: 32,
    blockBytes: 18,
    encode(values, bytes, at) {
      const scale = extreme(values) / -8;
      bytes.setUint16(at, f16Bits(scale), true);
      const quant = (i: number) =>
        scale ? Math.max(0, Math.min(15, Math.round(values[i]! / scale) + 8)) : 8;
      for (let i = 0; i < 16; i++) bytes.setUint8(at + 2 + i, quant(i) | (quant(i + 16) << 4));
    },
    decode(bytes, at) {
      const scale = f16Value(bytes.getUint16(at, true));
      return range32.map((i) => {
        const pair = bytes.getUint8(at + 2 + (i % 16));
        return scale * ((i < 16 ? pair & 15 : pair >> 4) - 8);
      });
    },
  },
};

/** Blocks of a file for these weights, or random ones of about the same size; whole blocks. */
export function encodeWeights(type: WeightType, values: Float32Array): Uint8Array<ArrayBuffer> {
  const format = formats[type];
  if (!format) {
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    return randomBlocks(type, seededRandom(values.length), values.length, deviation);
  }
  const { blockWeights, blockBytes, encode } = format;
  const bytes = new Uint8Array((values.length / blockWeights) * blockBytes);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block * blockWeights < values.length; block++)
    encode(values.subarray(block * blockWeights, (block + 1) * blockWeights), view, block * blockBytes);
  return bytes;
}

/** The weights that the blocks of a file stand for; exact in f32. */
export function decodeWeights(type: WeightType, bytes: Uint8Array): Float32Array {
  const format = formats[type];
  if (!format) {
    const { blockWeights, blockBytes } = weightFormats[type];
    return dequantize(type, bytes, (bytes.length / blockBytes) * blockWeights);
  }
  const { blockWeights, blockBytes, decode } = format;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array((bytes.length / blockBytes) * blockWeights);
  for (let block = 0; block * blockBytes < bytes.length; block++)
    values.set(decode(view, block * blockBytes), block * blockWeights);
  return values;
}
