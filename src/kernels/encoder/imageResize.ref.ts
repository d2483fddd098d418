import type { ResizeFilter } from "./imageResize.ts";

/**
 * Channels of bytes (height, width, channels) resized as Pillow does it: by a filter in units of output pixels where the image
 * shrinks, rounded after each axis.
 */
export function imageResizeRef(
  bytes: ArrayLike<number>,
  channels: number,
  [height, width]: readonly [number, number],
  [outHeight, outWidth]: readonly [number, number],
  filter: ResizeFilter,
): Float64Array {
  const rows = Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) =>
      Array.from({ length: channels }, (_, c) => bytes[(y * width + x) * channels + c]!),
    ),
  );
  const narrowed = rows.map((row) => resizeLine(row, outWidth, filter));
  const columns = Array.from({ length: outWidth }, (_, x) =>
    resizeLine(
      narrowed.map((row) => row[x]!),
      outHeight,
      filter,
    ),
  );
  return Float64Array.from(
    Array.from({ length: outHeight }, (_, y) => columns.map((column) => column[y]!)).flat(2),
  );
}

function resizeLine(line: number[][], outputs: number, filter: ResizeFilter): number[][] {
  const scale = line.length / outputs;
  const stretch = Math.max(scale, 1);
  const support = { bilinear: 1, bicubic: 2, lanczos: 3 }[filter] * stretch;
  return Array.from({ length: outputs }, (_, o) => {
    const centre = (o + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(line.length, Math.trunc(centre + support + 0.5));
    const weights = Array.from({ length: end - first }, (_, i) =>
      kernels[filter](Math.abs((first + i - centre + 0.5) / stretch)),
    );
    const total = weights.reduce((a, b) => a + b, 0);
    return line[0]!.map((_, c) => {
      const sum = weights.reduce((sum, weight, i) => sum + weight * line[first + i]![c]!, 0);
      return Math.min(255, Math.max(0, Math.floor(sum / total + 0.5)));
    });
  });
}

const a = -0.5;
const sinc = (z: number) => (z === 0 ? 1 : Math.sin(Math.PI * z) / (Math.PI * z));
const kernels = {
  bilinear: (z: number) => Math.max(0, 1 - z),
  bicubic(z: number): number {
    if (z < 1) return (a + 2) * z ** 3 - (a + 3) * z ** 2 + 1;
    return z < 2 ? a * z ** 3 - 5 * a * z ** 2 + 8 * a * z - 4 * a : 0;
  },
  lanczos: (z: number) => (z < 3 ? sinc(z) * sinc(z / 3) : 0),
};
