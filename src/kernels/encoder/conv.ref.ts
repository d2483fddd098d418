/**
 * Convolution of images (height, width, channels) with kernels (outputs, size, size, channels) and padding on every
 * side, in double. A sequence is an image of width 1 with kernels of (outputs, size, 1, channels).
 */
export function convRef(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  c: {
    height: number;
    width: number;
    channels: number;
    outputs: number;
    kernel: readonly [number, number];
    stride: number;
    padding: readonly [number, number];
  },
): Float64Array {
  const size = (length: number, axis: 0 | 1) =>
    Math.floor(
      (length + 2 * c.padding[axis] - c.kernel[axis]) / (axis === 1 && c.width === 1 ? 1 : c.stride),
    ) + 1;
  const [outHeight, outWidth] = [size(c.height, 0), size(c.width, 1)];
  const imageSize = c.height * c.width * c.channels;
  const images = x.length / imageSize;
  const out = new Float64Array(images * outHeight * outWidth * c.outputs);
  let at = 0;
  for (let image = 0; image < images; image++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let n = 0; n < c.outputs; n++, at++)
          for (let i = 0; i < c.kernel[0]; i++)
            for (let j = 0; j < c.kernel[1]; j++) {
              const iy = oy * c.stride + i - c.padding[0];
              const ix = ox * c.stride + j - c.padding[1];
              if (iy < 0 || iy >= c.height || ix < 0 || ix >= c.width) continue;
              for (let ch = 0; ch < c.channels; ch++)
                out[at]! +=
                  x[image * imageSize + (iy * c.width + ix) * c.channels + ch]! *
                  weight[((n * c.kernel[0] + i) * c.kernel[1] + j) * c.channels + ch]!;
            }
  return out;
}
