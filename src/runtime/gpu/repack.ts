/**
 * What becomes of a weight block where kernels want another order than the file has: 16-byte words of quants that
 * belong to consecutive weights, and whole bytes for scales. Orders that all formats share, with b < 4 a byte of a
 * 32-bit word, and quads of 4 consecutive weights:
 *
 *   nibbles of 32 weights   16 bytes as in Q4_0: byte i holds weight i (low) and weight i + 16 (high)
 *   fifth bits of 32        a word: bit 8b + j belongs to weight 4j + b
 *   2-bit numbers of 16     a word: bits 8b + 2j and the next belong to weight 4j + b
 *
 * Where fields are in the file: GGML's block structs (ggml-common.h).
 */

/** Reads the block at byte `at` of the file's bytes and writes it as block number `block` of the planes it concerns. */
export type Repack = (source: DataView, at: number, planes: readonly DataView[], block: number) => void;

const low = 0x0f0f0f0f;

/** 256 weights in nibbles: each 32 bytes of the file hold 32 weights in low nibbles and the next 32 in high ones. */
function nibbles(source: DataView, at: number, plane: DataView, to: number): void {
  for (let i = 0; i < 128; i += i % 32 === 12 ? 20 : 4) {
    const first = source.getUint32(at + i, true);
    const second = source.getUint32(at + i + 16, true);
    plane.setUint32(to + i, (first & low) | ((second & low) << 4), true);
    plane.setUint32(to + i + 16, ((first >>> 4) & low) | (second & ~low), true);
  }
}

/** By a byte of bits in the order of weights: its first 8 weights' places in a word of fifth bits. */
const spread = Uint32Array.from({ length: 256 }, (_, byte) => {
  let word = 0;
  for (let i = 0; i < 8; i++) word |= ((byte >> i) & 1) << (8 * (i % 4) + (i >> 2));
  return word;
});

const fifthBits =
  (offsetBytes: number): Repack =>
  (source, at, [, highs], block) => {
    let word = 0;
    for (let i = 0; i < 4; i++) word |= spread[source.getUint8(at + offsetBytes + i)]! << (2 * i);
    highs!.setUint32(block * 4, word, true);
  };

export const q5_0 = fifthBits(2);
export const q5_1 = fifthBits(4);

/** 8 scales and 8 minima of 6 bits in 12 bytes become 8 pairs of bytes. */
function scalePairs(source: DataView, at: number, plane: DataView, to: number): void {
  for (let i = 0; i < 4; i++) {
    const [a, b, c] = [source.getUint8(at + i), source.getUint8(at + i + 4), source.getUint8(at + i + 8)];
    plane.setUint8(to + 2 * i, a & 63);
    plane.setUint8(to + 2 * i + 1, b & 63);
    plane.setUint8(to + 2 * i + 8, (c & 15) | ((a >> 6) << 4));
    plane.setUint8(to + 2 * i + 9, (c >> 4) | ((b >> 6) << 4));
  }
}

export const q4_k: Repack = (source, at, [quants, scales], block) => {
  nibbles(source, at + 16, quants!, block * 128);
  scalePairs(source, at + 4, scales!, block * 16);
};

/** Words of 32 single bits, in the order of fifth bits: bit s of byte i of the file belongs to weight 32s + i. */
function singleBits(source: DataView, at: number, plane: DataView, to: number): void {
  for (let s = 0; s < 8; s++) {
    let word = 0;
    for (let j = 0; j < 8; j++) word |= ((source.getUint32(at + 4 * j, true) >>> s) & 0x01010101) << j;
    plane.setUint32(to + 4 * s, word, true);
  }
}

export const q5_k: Repack = (source, at, [quants, highs, scales], block) => {
  nibbles(source, at + 48, quants!, block * 128);
  singleBits(source, at + 16, highs!, block * 32);
  scalePairs(source, at + 4, scales!, block * 16);
};

/** Words of 16 two-bit numbers: each 32 bytes of the file hold 4 runs of 32 weights, two bits of a byte for each. */
function bitPairs(source: DataView, at: number, plane: DataView, to: number): void {
  for (let word = 0; word < 16; word++) {
    const from = at + 32 * (word >> 3) + 16 * (word & 1);
    const shift = word & 6;
    let packed = 0;
    for (let j = 0; j < 4; j++)
      packed |= ((source.getUint32(from + 4 * j, true) >>> shift) & 0x03030303) << (2 * j);
    plane.setUint32(to + 4 * word, packed, true);
  }
}

/** Each 64 bytes of the file hold nibbles of 128 weights: of the first 64 the low ones. */
export const q6_k: Repack = (source, at, [quants, highs], block) => {
  for (let run = 0; run < 8; run++) {
    const from = at + 64 * (run >> 2) + 32 * (run & 1);
    const shift = 2 * (run & 2);
    for (let i = 0; i < 16; i += 4) {
      const first = (source.getUint32(from + i, true) >>> shift) & low;
      const second = (source.getUint32(from + i + 16, true) >>> shift) & low;
      quants!.setUint32(block * 128 + 16 * run + i, first | (second << 4), true);
    }
  }
  bitPairs(source, at + 128, highs!, block * 64);
};

export const q2_k: Repack = (source, at, [quants], block) => bitPairs(source, at + 16, quants!, block * 64);

export const q3_k: Repack = (source, at, [quants, highs, scales], block) => {
  bitPairs(source, at + 32, quants!, block * 64);
  singleBits(source, at, highs!, block * 32);
  for (let i = 0; i < 16; i++) {
    const nibble = (source.getUint8(at + 96 + (i % 8)) >> (i < 8 ? 0 : 4)) & 15;
    const top = (source.getUint8(at + 104 + (i % 4)) >> (2 * (i >> 2))) & 3;
    scales!.setInt8(block * 16 + i, (nibble | (top << 4)) - 32);
  }
};

export const iq4_xs: Repack = (source, at, [, scales], block) => {
  const tops = source.getUint16(at + 2, true);
  for (let i = 0; i < 8; i++) {
    const nibble = (source.getUint8(at + 4 + (i >> 1)) >> (4 * (i & 1))) & 15;
    scales!.setInt8(block * 8 + i, (nibble | (((tops >> (2 * i)) & 3) << 4)) - 32);
  }
};

/** Sign and magnitude become 8 ± magnitude, which increases with the value. */
export const mxfp4: Repack = (source, at, [quants], block) => {
  for (let i = 0; i < 16; i += 4) {
    const word = source.getUint32(at + 1 + i, true);
    const negative = (word >>> 3) & 0x11111111;
    const magnitudes = (word & 0x77777777) ^ (negative * 7);
    quants!.setUint32(block * 16 + i, magnitudes + negative + (0x88888888 - negative * 8), true);
  }
};
