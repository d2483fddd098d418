import { expect, test } from "vitest";
import { sniffImage } from "./sniffImage.ts";
import { gifHeader, jpegHeader, pngHeader, webpHeader } from "./testing/imageHeaders.ts";

const text = (content: string) => new TextEncoder().encode(content);
const messageOf = (bytes: Uint8Array) => {
  try {
    sniffImage(bytes);
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: "invalid_request", param: "image_url", detail: "invalid_image" });
    return (thrown as Error).message;
  }
  return "";
};

test("kind and size of every format", () => {
  expect(sniffImage(pngHeader(640, 480))).toEqual({ type: "image/png", width: 640, height: 480 });
  expect(sniffImage(gifHeader(7, 300))).toEqual({ type: "image/gif", width: 7, height: 300 });
  expect(sniffImage(jpegHeader(1024, 33))).toEqual({ type: "image/jpeg", width: 1024, height: 33 });
  for (const kind of ["VP8 ", "VP8L", "VP8X"] as const)
    expect(sniffImage(webpHeader(kind, 1000, 17))).toEqual({ type: "image/webp", width: 1000, height: 17 });
  // At a place of its own within a larger buffer.
  const shifted = new Uint8Array([1, 2, 3, ...pngHeader(5, 6)]).subarray(3);
  expect(sniffImage(shifted)).toMatchObject({ width: 5, height: 6 });
});

test("what is no picture is refused by what it is", () => {
  expect(messageOf(new Uint8Array())).toContain("empty");
  expect(messageOf(text("<!doctype html><title>Not found</title>"))).toContain("web page");
  expect(messageOf(text('<?xml version="1.0"?>\n<!-- made by hand -->\n<svg onload="alert(1)"/>'))).toContain(
    "SVG",
  );
  expect(messageOf(text("\ufeff  <svg xmlns='http://www.w3.org/2000/svg'>"))).toContain("SVG");
  expect(messageOf(text('{"error": "no such file"}'))).toContain("JSON");
  expect(messageOf(text("version https://git-lfs.github.com/spec/v1"))).toContain("Git LFS");
  expect(messageOf(text("\0\0\0\x18ftypheic\0\0\0\0"))).toContain("HEIF");
  expect(messageOf(text("\0\0\0\x18ftypavif\0\0\0\0"))).toContain("AVIF");
  expect(messageOf(text("hello"))).toContain("PNG, JPEG, WebP and GIF");
});

test("sizes beyond the limits are refused before anything is decoded", () => {
  expect(messageOf(pngHeader(20_000, 20_000))).toContain("20000 × 20000");
  expect(messageOf(jpegHeader(16_000, 16_000))).toContain("16000 × 16000");
  expect(messageOf(pngHeader(0xffff_ffff, 1))).toContain("4294967295 × 1");
  expect(messageOf(pngHeader(0, 5))).toContain("0 × 5");
  expect(() => sniffImage(pngHeader(5, 5), { maxBytes: 4, maxPixels: 1, maxSide: 1 })).toThrow("at most 4");
});

test("every header that is cut off is refused", () => {
  for (const whole of [pngHeader(3, 4), jpegHeader(3, 4), gifHeader(3, 4), webpHeader("VP8X", 3, 4)])
    for (let length = 1; length < whole.length; length++)
      expect(messageOf(whole.subarray(0, length)), `${length} bytes`).not.toBe("");
  expect(messageOf(text("\u00ff"))).not.toBe("");
  expect(messageOf(Uint8Array.of(0xff, 0xd8, 0xff, 0xd9, 0, 0, 0, 0))).toContain("no frame header");
  expect(messageOf(Uint8Array.of(0xff, 0xd8, 0x00, 0xd9, 0, 0, 0, 0))).toContain("no segment");
});
