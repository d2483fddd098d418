import type { PlaneFormat, WeightFormat } from "../gpu/tensor.ts";

/**
 * Sorts blocks into planes: what block b has in plane p goes to byte `b * format.planes[p].sizeBytes` of it, either a
 * field as it is or what the format's `repack` makes of the block.
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
  const odd = ({ offsetBytes = 0, sizeBytes }: PlaneFormat) =>
    (offsetBytes | sizeBytes | format.blockBytes) & 1;
  const unit = format.planes.some(odd) ? 1 : 2;
  const from = unit === 2 ? halfwords(source) : source;
  const stride = format.blockBytes / unit;
  format.planes.forEach((plane, p) => {
    if (plane.offsetBytes === undefined) return;
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
  if (format.repack) {
    const blockView = view(source);
    const planeViews = planes.map(view);
    for (let b = 0; b < blocks; b++) format.repack(blockView, b * format.blockBytes, planeViews, b);
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function halfwords(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
}
