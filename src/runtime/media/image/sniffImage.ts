/** What a picture's first bytes say: its kind and its size, before anything is decoded that may not fit. */

import { invalidRequest, type OmniError } from "../../errors.ts";
import { firstText, namedText } from "../notMedia.ts";

/** What pictures may be: files come from anywhere. */
export const imageLimits = {
  maxBytes: 64 * 2 ** 20,
  /** Decoded, a pixel takes 4 bytes. */
  maxPixels: 64e6,
  maxSide: 16_384,
} as const;

export type ImageLimits = { readonly [name in keyof typeof imageLimits]: number };

export interface ImageHeader {
  type: "image/png" | "image/jpeg" | "image/webp" | "image/gif";
  /** As stored: a JPEG's orientation may swap them. */
  width: number;
  height: number;
}

export function badImage(message: string): OmniError {
  return invalidRequest(message, "image_url", "invalid_image");
}

/**
 * @throws OmniError `invalid_request` (code `invalid_image`): empty, too large, no picture, a kind that is not taken, or
 *   cut off within its header
 */
export function sniffImage(bytes: Uint8Array, limits: ImageLimits = imageLimits): ImageHeader {
  if (bytes.length === 0) throw badImage("The picture is empty (0 bytes).");
  if (bytes.length > limits.maxBytes)
    throw badImage(`The picture has ${bytes.length} bytes; at most ${limits.maxBytes} are taken.`);
  const header = headerOf(bytes);
  const { width, height } = header;
  if (width === 0 || height === 0)
    throw badImage(`The picture is ${width} × ${height} pixels: nothing to see.`);
  if (width > limits.maxSide || height > limits.maxSide || width * height > limits.maxPixels)
    throw badImage(
      `The picture is ${width} × ${height} pixels; at most ${limits.maxSide} a side and ` +
        `${limits.maxPixels / 1e6} megapixels are taken. Please make it smaller.`,
    );
  return header;
}

function headerOf(bytes: Uint8Array): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ascii = (start: number, length: number) =>
    String.fromCharCode(...bytes.subarray(start, start + length));
  if (ascii(1, 3) === "PNG" && bytes[0] === 0x89) return read("PNG", () => png(view));
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return read("JPEG", () => jpeg(view));
  if (ascii(0, 4) === "RIFF" && ascii(8, 4) === "WEBP") return read("WebP", () => webp(view, ascii(12, 4)));
  if (/^GIF8[79]a/.test(ascii(0, 6)))
    return read("GIF", () => ({
      ...{ type: "image/gif", width: view.getUint16(6, true), height: view.getUint16(8, true) },
    }));
  throw notTaken(bytes, ascii);
}

/** A header is cut off where a reader goes beyond the bytes. */
function read(kind: string, header: () => ImageHeader): ImageHeader {
  try {
    return header();
  } catch (thrown) {
    if (thrown instanceof RangeError) throw badImage(`The ${kind} picture is cut off within its header.`);
    throw thrown;
  }
}

/** Source: W3C, "Portable Network Graphics (PNG) Specification", IHDR is the first chunk. */
const png = (view: DataView): ImageHeader => ({
  ...{ type: "image/png", width: view.getUint32(16), height: view.getUint32(20) },
});

/** The frame header among the segments. Source: ITU-T T.81, B.2.2. */
function jpeg(view: DataView): ImageHeader {
  for (let at = 2; ; ) {
    if (view.getUint8(at) !== 0xff)
      throw badImage("The JPEG picture is damaged: no segment where one should be.");
    const marker = view.getUint8(at + 1);
    // Fill bytes.
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { type: "image/jpeg", height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    if (marker === 0xd9 || marker === 0xda)
      throw badImage("The JPEG picture is damaged: it has no frame header.");
    const isAlone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
    at += isAlone ? 2 : 2 + view.getUint16(at + 2);
  }
}

/** Source: RFC 9649, 2.5 to 2.7. */
function webp(view: DataView, chunk: string): ImageHeader {
  const type = "image/webp";
  const low14 = (word: number) => word & 0x3fff;
  if (chunk === "VP8 ")
    return { type, width: low14(view.getUint16(26, true)), height: low14(view.getUint16(28, true)) };
  if (chunk === "VP8L") {
    const bits = view.getUint32(21, true);
    return { type, width: 1 + low14(bits), height: 1 + low14(bits >>> 14) };
  }
  if (chunk !== "VP8X")
    throw badImage("The WebP picture is damaged: its first chunk is none that holds one.");
  const low24 = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  return { type, width: 1 + low24(24), height: 1 + low24(27) };
}

function notTaken(bytes: Uint8Array, ascii: (start: number, length: number) => string): OmniError {
  const taken = "PNG, JPEG, WebP and GIF are taken.";
  if (/^(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!doctype svg[^>]*>\s*)?<svg[\s>]/is.test(firstText(bytes)))
    return badImage(`The picture is an SVG, which can contain programs and is refused. ${taken}`);
  const text = namedText(bytes, "a picture");
  if (text) return badImage(`${text} ${taken}`);
  const brand = ascii(4, 4) === "ftyp" ? ascii(8, 4) : "";
  if (/^(hei|hev|mif|msf)/.test(brand)) return badImage(`The picture is in the HEIF format. ${taken}`);
  if (brand.startsWith("avi")) return badImage(`The picture is in the AVIF format. ${taken}`);
  return badImage(`The file is no picture that is known. ${taken}`);
}
