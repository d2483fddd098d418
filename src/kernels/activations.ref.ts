import type { ActivationKind } from "./activations.ts";

/** What rows of activations stand for, as read back from the GPU. */
export interface ActivationValues {
  /** (R, K). */
  values: Float64Array;
  /** (R, ceil(K / 32)): sums of squares before the norm's weight. */
  squares: Float64Array;
  /** (R, K / 16): sums of values; only of packed rows. */
  sums: Float64Array;
}

/** Reads the words of an activation tensor (R, …); see `Activations` for the layout. */
export function decodeActivations(
  kind: ActivationKind,
  words: Uint32Array<ArrayBufferLike>,
  rows: number,
  width: number,
): ActivationValues {
  const blocks = Math.ceil(width / 32);
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const values = new Float64Array(rows * width);
  const squares = new Float64Array(rows * blocks);
  const sums = new Float64Array(rows * blocks * 2);
  const byte = (word: number, index: number) => (words[word]! << (24 - 8 * index)) >> 24;
  for (let r = 0; r < rows; r++) {
    const floatStart = r * (width + Math.ceil(blocks / 8) * 8);
    for (let b = 0; b < blocks; b++) {
      if (kind === "float") {
        squares[r * blocks + b] = floats[floatStart + width + b]!;
        continue;
      }
      const word = (plane: number) => ((r * 5 + plane) * blocks + b) * 4;
      const [scale, low, high, square] = floats.subarray(word(4), word(4) + 4) as unknown as number[];
      squares[r * blocks + b] = square!;
      sums.set([low!, high!], (r * blocks + b) * 2);
      for (let i = 0; i < 32; i++) {
        const at = Math.floor((i % 16) / 4);
        const half = Math.floor(i / 16);
        values[r * width + b * 32 + i] =
          scale! * (256 * byte(word(half) + at, i % 4) + byte(word(2 + half) + at, i % 4));
      }
    }
    if (kind === "float") values.set(floats.subarray(floatStart, floatStart + width), r * width);
  }
  return { values, squares, sums };
}

/** The words of packed or float activations for these values (R, K) f32; the inverse of {@link decodeActivations}. */
export function encodeActivations(
  kind: ActivationKind,
  values: ArrayLike<number>,
  rows: number,
  width: number,
  squaresOf: ArrayLike<number> = values,
): Uint32Array {
  const blocks = Math.ceil(width / 32);
  const stride = kind === "packed" ? blocks * 20 : width + Math.ceil(blocks / 8) * 8;
  const words = new Uint32Array(rows * stride);
  const floats = new Float32Array(words.buffer);
  for (let r = 0; r < rows; r++)
    for (let b = 0; b < blocks; b++) {
      const from = r * width + b * 32;
      const count = Math.min(32, width - b * 32);
      let largest = 0;
      let squares = 0;
      const sums = [0, 0];
      for (let i = 0; i < count; i++) {
        largest = Math.max(largest, Math.abs(values[from + i]!));
        squares += squaresOf[from + i]! ** 2;
      }
      if (kind === "float") {
        for (let i = 0; i < count; i++) floats[r * stride + b * 32 + i] = values[from + i]!;
        floats[r * stride + width + b] = squares;
        continue;
      }
      const word = (plane: number) => ((r * 5 + plane) * blocks + b) * 4;
      for (let i = 0; i < 32; i++) {
        const v = largest > 0 ? Math.round((values[from + i]! * 32512) / largest) : 0;
        sums[i >> 4]! += (v * largest) / 32512;
        const high = (v + 128) >> 8;
        const at = Math.floor((i % 16) / 4);
        const half = Math.floor(i / 16);
        words[word(half) + at]! |= (high & 255) << (8 * (i % 4));
        words[word(2 + half) + at]! |= ((v - 256 * high) & 255) << (8 * (i % 4));
      }
      floats.set([largest / 32512, sums[0]!, sums[1]!, squares], word(4));
    }
  return words;
}
