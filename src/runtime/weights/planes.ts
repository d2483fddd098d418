import type { WeightFormat } from "../gpu/tensor.ts";

/**
 * Sorts the fields of blocks into planes: field p of block b goes to byte `b * format.planes[p].sizeBytes` of plane p.
 * @param source whole blocks; starts at an even byte of its buffer
 * @param planes one array per plane of the format, long enough; each starts at an even byte of its buffer
 */
export function deinterleave(
  format: WeightFormat,
  source: Uint8Array,
  blocks: number,
  planes: readonly Uint8Array[],
): void {
  // Fields lie at even offsets in almost every format, at multiples of 4 in few: halfwords are what can be moved.
  const unit = format.planes.some((plane) => (plane.offsetBytes | plane.sizeBytes | format.blockBytes) & 1)
    ? 1
    : 2;
  const from = unit === 2 ? halfwords(source) : source;
  const stride = format.blockBytes / unit;
  format.planes.forEach((plane, p) => {
    const to = unit === 2 ? halfwords(planes[p]!) : planes[p]!;
    const size = plane.sizeBytes / unit;
    let read = plane.offsetBytes / unit;
    if (size === 1) {
      for (let b = 0; b < blocks; b++, read += stride) to[b] = from[read]!;
      return;
    }
    for (let b = 0, write = 0; b < blocks; b++, read += stride)
      for (let i = 0; i < size; i++) to[write++] = from[read + i]!;
  });
}

function halfwords(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
}
