import { type WeightType, weightFormats } from "../gpu/tensor.ts";
import { halfToFloat } from "./half.ts";

/** What the nibbles of IQ4_NL and IQ4_XS stand for. */
const iq4Table = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
/** Twice the values of 4-bit floats: a sign, two exponent bits, one of fraction. */
const fp4Table = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/**
 * Weights of a file as f32 on the CPU: the reference for kernels and parity runs, not the way models are loaded.
 * Written from the formulas of GGML's block structs (ggml-common.h), apart from the code that loads planes.
 * @param bytes whole blocks, as in the file
 * @param count how many weights to read, from the start
 */
export function dequantize(type: WeightType, bytes: Uint8Array, count: number): Float32Array {
  const { blockBytes, blockWeights } = weightFormats[type];
  if (Math.ceil(count / blockWeights) * blockBytes > bytes.length)
    throw new RangeError(`${bytes.length} bytes hold fewer than ${count} weights of type ${type}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const half = (at: number) => halfToFloat(view.getUint16(at, true));
  const byte = (at: number) => view.getUint8(at);
  /** `size` bits of the byte at `at` from bit `shift` on. */
  const bits = (at: number, shift: number, size: number) => (byte(at) >> shift) & (2 ** size - 1);

  /** Weight i of 32 in 16 bytes: the low nibbles, then the high ones. */
  const nibble = (at: number, i: number) => bits(at + (i % 16), i < 16 ? 0 : 4, 4);
  /** Bit i of 32. */
  const fifth = (at: number, i: number) => bits(at + (i >> 3), i % 8, 1) << 4;
  /** Weight i of 256 in 128 bytes: 32 low nibbles, the 32 high nibbles of the same bytes, and so on. */
  const nibbleK = (at: number, i: number) => bits(at + 32 * (i >> 6) + (i % 32), 4 * ((i >> 5) & 1), 4);
  /** Weight i of 256 in 64 bytes: 32 bytes hold 128 weights, each 32 of them in two bits of every byte. */
  const pairK = (at: number, i: number) => bits(at + 32 * (i >> 7) + (i % 32), 2 * ((i >> 5) & 3), 2);
  /** Weight i of 256 in 32 bytes: each 32 weights in one bit of every byte. */
  const bitK = (at: number, i: number) => bits(at + (i % 32), i >> 5, 1);
  /** Scale s of 8 and minimum s of 8 in 12 bytes of Q4_K and Q5_K. */
  const scaleK = (at: number, s: number) =>
    s < 4 ? bits(at + s, 0, 6) : bits(at + s + 4, 0, 4) | (bits(at + s - 4, 6, 2) << 4);
  const minimumK = (at: number, s: number) =>
    s < 4 ? bits(at + s + 4, 0, 6) : bits(at + s + 4, 4, 4) | (bits(at + s, 6, 2) << 4);

  const weight: Record<WeightType, (block: number, i: number) => number> = {
    f32: (block) => view.getFloat32(block, true),
    f16: half,
    bf16: (block) => bfloat(view.getUint16(block, true)),
    q8_0: (block, i) => half(block) * view.getInt8(block + 2 + i),
    q4_0: (block, i) => half(block) * (nibble(block + 2, i) - 8),
    q4_1: (block, i) => half(block) * nibble(block + 4, i) + half(block + 2),
    q5_0: (block, i) => half(block) * ((nibble(block + 6, i) | fifth(block + 2, i)) - 16),
    q5_1: (block, i) => half(block) * (nibble(block + 8, i) | fifth(block + 4, i)) + half(block + 2),
    q2_k: (block, i) =>
      half(block + 80) * bits(block + (i >> 4), 0, 4) * pairK(block + 16, i) -
      half(block + 82) * bits(block + (i >> 4), 4, 4),
    q3_k: (block, i) => {
      const s = i >> 4;
      const scale =
        bits(block + 96 + (s % 8), 4 * (s >> 3), 4) | (bits(block + 104 + (s % 4), 2 * (s >> 2), 2) << 4);
      return half(block + 108) * (scale - 32) * (pairK(block + 32, i) + 4 * bitK(block, i) - 4);
    },
    q4_k: (block, i) =>
      half(block) * scaleK(block + 4, i >> 5) * nibbleK(block + 16, i) -
      half(block + 2) * minimumK(block + 4, i >> 5),
    q5_k: (block, i) =>
      half(block) * scaleK(block + 4, i >> 5) * (nibbleK(block + 48, i) + 16 * bitK(block + 16, i)) -
      half(block + 2) * minimumK(block + 4, i >> 5),
    q6_k: (block, i) => {
      const low = bits(block + 64 * (i >> 7) + (i % 64), 4 * ((i >> 6) & 1), 4);
      const q = low | (pairK(block + 128, i) << 4);
      return half(block + 208) * view.getInt8(block + 192 + (i >> 4)) * (q - 32);
    },
    iq4_nl: (block, i) => half(block) * iq4Table[nibble(block + 2, i)]!,
    iq4_xs: (block, i) => {
      const s = i >> 5;
      const scale =
        bits(block + 4 + (s >> 1), 4 * (s % 2), 4) | (bits(block + 2 + (s >> 2), 2 * (s % 4), 2) << 4);
      return half(block) * (scale - 32) * iq4Table[nibble(block + 8 + 16 * s, i % 32)]!;
    },
    mxfp4: (block, i) => 2 ** (byte(block) - 128) * fp4Table[nibble(block + 1, i)]!,
  };
  const read = weight[type];
  const weights = new Float32Array(count);
  for (let i = 0; i < count; i++)
    weights[i] = read(Math.floor(i / blockWeights) * blockBytes, i % blockWeights);
  return weights;
}

const scratch = new DataView(new ArrayBuffer(4));

function bfloat(upperHalf: number): number {
  scratch.setUint16(0, upperHalf);
  return scratch.getFloat32(0);
}
