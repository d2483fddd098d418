/** Pixels of a decoded picture, made smaller where they are too many. */

export interface PixelLimits {
  maxPixels: number;
  maxSide: number;
}

export interface DecodedPixels {
  width: number;
  height: number;
  /** RGBA, opaque, a u32 each. */
  words: Uint32Array<ArrayBuffer>;
}

/** What is transparent shows white, as on a page. */
export function imagePixels(
  image: ImageBitmap | OffscreenCanvas | VideoFrame,
  { maxPixels, maxSide }: PixelLimits,
): DecodedPixels {
  const [wide, high] =
    "displayWidth" in image ? [image.displayWidth, image.displayHeight] : [image.width, image.height];
  const scale = Math.min(1, maxSide / Math.max(wide, high), Math.sqrt(maxPixels / (wide * high)));
  const width = Math.max(1, Math.floor(wide * scale));
  const height = Math.max(1, Math.floor(high * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  return { width, height, words: new Uint32Array(data.buffer) };
}
