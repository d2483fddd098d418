/** Pictures by the browser's own decoders. */

import { expect, test } from "vitest";
import { decodeImage } from "./decodeImage.ts";
import { pngHeader } from "./testing/imageHeaders.ts";

const red = [255, 0, 0, 255];
const blue = [0, 0, 255, 255];

/** 8 × 4 pixels: the left half red, the right one blue; encoded. */
async function picture(type: string): Promise<Blob> {
  const canvas = new OffscreenCanvas(8, 4);
  const context = canvas.getContext("2d")!;
  context.fillStyle = "rgb(255 0 0)";
  context.fillRect(0, 0, 4, 4);
  context.fillStyle = "rgb(0 0 255)";
  context.fillRect(4, 0, 4, 4);
  const blob = await canvas.convertToBlob({ type, quality: 1 });
  expect(blob.type).toBe(type);
  return blob;
}

function pixelsOf(image: ImageBitmap): (x: number, y: number) => number[] {
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d")!;
  context.drawImage(image, 0, 0);
  return (x, y) => [...context.getImageData(x, y, 1, 1).data];
}

function expectNear(actual: number[], expected: number[]): void {
  for (const [i, value] of actual.entries())
    expect(Math.abs(value - expected[i]!), `${actual}`).toBeLessThan(12);
}

test.each(["image/png", "image/jpeg", "image/webp"])("%s, whatever its type is said to be", async (type) => {
  const file = new Blob([await picture(type)], { type: "text/html" });
  const image = await decodeImage(file);
  expect([image.width, image.height]).toEqual([8, 4]);
  const at = pixelsOf(image);
  expectNear(at(0, 0), red);
  expectNear(at(7, 3), blue);
});

test("a JPEG is turned as its EXIF data says", async () => {
  const bytes = new Uint8Array(await (await picture("image/jpeg")).arrayBuffer());
  // Orientation (tag 0x112) 6: to be turned a quarter clockwise.
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
  const exif = [...new TextEncoder().encode("Exif\0\0"), ...tiff];
  const segment = [0xff, 0xe1, 0, exif.length + 2, ...exif];
  const image = await decodeImage(
    new Blob([Uint8Array.from([...bytes.subarray(0, 2), ...segment, ...bytes.subarray(2)])]),
  );
  expect([image.width, image.height]).toEqual([4, 8]);
  const at = pixelsOf(image);
  expectNear(at(0, 0), red);
  expectNear(at(3, 7), blue);
});

test("transparent pixels keep their colour", async () => {
  const canvas = new OffscreenCanvas(2, 1);
  const data = new ImageData(Uint8ClampedArray.of(200, 100, 50, 0, 10, 20, 30, 128), 2, 1);
  canvas.getContext("2d")!.putImageData(data, 0, 0);
  const image = await decodeImage(await canvas.convertToBlob());
  expect(pixelsOf(image)(1, 0)[3]).toBe(128);
});

test("the first frame of an animated GIF", async () => {
  // Two frames of 1 × 1, red and then blue. Format: CompuServe, "GIF89a".
  const frame = (index: number) => [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, index === 0 ? 0x44 : 0x4c, 1, 0];
  const palette = [255, 0, 0, 0, 0, 255];
  const gif = [
    ...new TextEncoder().encode("GIF89a"),
    1,
    0,
    1,
    0,
    0x80,
    0,
    0,
    ...palette,
    ...frame(0),
    ...frame(1),
    0x3b,
  ];
  const image = await decodeImage(new Blob([Uint8Array.from(gif)]));
  expect([image.width, image.height]).toEqual([1, 1]);
  expectNear(pixelsOf(image)(0, 0), red);
});

test("what is damaged, cut off or too large is refused by name", async () => {
  const png = new Uint8Array(await (await picture("image/png")).arrayBuffer());
  await expect(decodeImage(new Blob([png.subarray(0, 40)]))).rejects.toThrow(/PNG picture cannot be decoded/);
  await expect(decodeImage(new Blob([pngHeader(20_000, 20_000)]))).rejects.toThrow("20000 × 20000");
  await expect(decodeImage(new Blob([]))).rejects.toThrow("empty");
  await expect(decodeImage(new Blob(["<html>"]))).rejects.toMatchObject({
    status: 400,
    detail: "invalid_image",
  });
  const limits = { maxBytes: 10, maxPixels: 100, maxSide: 100 };
  await expect(decodeImage(new Blob([png]), limits)).rejects.toThrow("at most 10");
});
