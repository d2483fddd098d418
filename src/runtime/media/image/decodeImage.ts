/** Picture files to pixels, by the browser's decoders, in the worker. */

import { badImage, type ImageLimits, imageLimits, sniffImage } from "./sniffImage.ts";

/**
 * Decodes a picture, turned as its EXIF data says; of a GIF or an animated picture the first frame. What is transparent
 * stays so, its colours unchanged. Close the result.
 * @throws OmniError `invalid_request` (code `invalid_image`) that names what is wrong
 */
export async function decodeImage(file: Blob, limits: ImageLimits = imageLimits): Promise<ImageBitmap> {
  if (file.size > limits.maxBytes)
    throw badImage(`The picture has ${file.size} bytes; at most ${limits.maxBytes} are taken.`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const { type } = sniffImage(bytes, limits);
  try {
    // The type is what the bytes say, whatever the file's name or its server said.
    return await createImageBitmap(new Blob([bytes], { type }), {
      imageOrientation: "from-image",
      premultiplyAlpha: "none",
    });
  } catch {
    throw badImage(
      `The ${type.slice(6).toUpperCase()} picture cannot be decoded: it is damaged or cut off, or of a kind that this browser lacks.`,
    );
  }
}
