/** The first bytes of pictures of any size, up to where the size is known. */

const ascii = (text: string) => [...text].map((letter) => letter.charCodeAt(0));
const big32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const big16 = (value: number) => [(value >>> 8) & 255, value & 255];
const little16 = (value: number) => big16(value).reverse();

export const pngHeader = (width: number, height: number) =>
  Uint8Array.of(
    0x89,
    ...ascii("PNG\r\n\x1a\n"),
    ...big32(13),
    ...ascii("IHDR"),
    ...big32(width),
    ...big32(height),
  );

export const gifHeader = (width: number, height: number) =>
  Uint8Array.from([...ascii("GIF89a"), ...little16(width), ...little16(height)]);

/** With an application segment, a table and fill bytes before the frame. */
export const jpegHeader = (width: number, height: number) =>
  Uint8Array.from([
    ...[0xff, 0xd8, 0xff, 0xe0, ...big16(4), 0xff, 0xc0],
    ...[0xff, 0xc4, ...big16(3), 9, 0xff],
    ...[0xff, 0xc2, ...big16(17), 8, ...big16(height), ...big16(width)],
  ]);

export function webpHeader(kind: "VP8 " | "VP8L" | "VP8X", width: number, height: number): Uint8Array {
  const head = [...ascii("RIFF"), 0, 0, 0, 0, ...ascii("WEBP"), ...ascii(kind), 0, 0, 0, 0];
  const frame = () => {
    if (kind === "VP8 ") return [0, 0, 0, 0x9d, 0x01, 0x2a, ...little16(width), ...little16(height)];
    const [w, h] = [width - 1, height - 1];
    if (kind === "VP8L") return [0x2f, ...big32(w | (h << 14)).reverse()];
    const little24 = (value: number) => big32(value).reverse().slice(0, 3);
    return [0, 0, 0, 0, ...little24(w), ...little24(h)];
  };

  return Uint8Array.from([...head, ...frame()]);
}
