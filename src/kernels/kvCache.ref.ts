import { f16Bits, f16Value } from "./formats/formats.ref.ts";
import type { KvCacheSizes } from "./kvCache.ts";

/** Words of keys or values for these numbers (pages, K, pageSize, E), as the cache's type stores them. */
export function encodeKvCache(sizes: KvCacheSizes, values: Float32Array): Uint32Array<ArrayBuffer> {
  const { type, pageSize, headWidth } = sizes;
  if (type === "f32") return new Uint32Array(values.slice().buffer);
  if (type === "f16") return new Uint32Array(Uint16Array.from(values, f16Bits).buffer);
  const headValues = pageSize * headWidth;
  const headBytes = headValues + headValues / 8;
  const bytes = new Uint8Array((values.length / headValues) * headBytes);
  const view = new DataView(bytes.buffer);
  for (let start = 0; start < values.length; start += 32) {
    const block = values.subarray(start, start + 32);
    const largest = block.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const scale = Math.fround(largest / 127);
    const head = Math.floor(start / headValues);
    const inHead = start % headValues;
    view.setFloat32(head * headBytes + headValues + inHead / 8, scale, true);
    block.forEach((x, i) => {
      view.setInt8(head * headBytes + inHead + i, scale > 0 ? Math.round(x / scale) : 0);
    });
  }
  return new Uint32Array(bytes.buffer);
}

/** The numbers (pages, K, pageSize, E) that these words stand for; the inverse of {@link encodeKvCache}. */
export function decodeKvCache(sizes: KvCacheSizes, words: Uint32Array<ArrayBuffer>): Float32Array {
  const { type, pages, kvHeads, pageSize, headWidth } = sizes;
  const count = pages * kvHeads * pageSize * headWidth;
  if (type === "f32") return new Float32Array(words.buffer, words.byteOffset, count).slice();
  if (type === "f16")
    return Float32Array.from(new Uint16Array(words.buffer, words.byteOffset, count), f16Value);
  const view = new DataView(words.buffer, words.byteOffset);
  const headValues = pageSize * headWidth;
  return Float32Array.from({ length: count }, (_, i) => {
    const head = Math.floor(i / headValues) * (headValues + headValues / 8);
    const inHead = i % headValues;
    const scale = view.getFloat32(head + headValues + Math.floor(inHead / 32) * 4, true);
    return scale * view.getInt8(head + inHead);
  });
}
