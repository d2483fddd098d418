/** Frames of videos that the browser itself has encoded. (A browser test; it needs no GPU.) */

import { MkvOutputFormat, MovOutputFormat, Mp4OutputFormat, WebMOutputFormat } from "mediabunny";
import { afterEach, expect, test, vi } from "vitest";
import { decodeAudio } from "../audio/decodeAudio.ts";
import { type DecodedVideo, decodeVideo, openVideo } from "./decodeVideo.ts";
import { colourAt, encodeVideo, numberIn } from "./testing/encodeVideo.ts";
import { videoLimits } from "./videoLimits.ts";

const usual = { framesPerSecond: 2, mostFrames: 100, maxSide: 512 };

afterEach(() => void vi.restoreAllMocks());

function seen({ frames }: DecodedVideo): { number: number; seconds: number }[] {
  return frames.map(({ image, seconds }) => ({ number: numberIn(image), seconds }));
}

test.each([
  { name: "MP4 with VP9", format: () => new Mp4OutputFormat({ fastStart: "in-memory" }), codec: "vp9" },
  {
    name: "MP4 in fragments with VP9",
    format: () => new Mp4OutputFormat({ fastStart: "fragmented" }),
    codec: "vp9",
  },
  { name: "QuickTime with VP9", format: () => new MovOutputFormat(), codec: "vp9" },
  { name: "WebM with VP8", format: () => new WebMOutputFormat(), codec: "vp8" },
  { name: "WebM as it is streamed", format: () => new WebMOutputFormat({ appendOnly: true }), codec: "vp8" },
  { name: "Matroska with VP9", format: () => new MkvOutputFormat(), codec: "vp9" },
] as const)("$name", async ({ format, codec }) => {
  const file = await encodeVideo({ format: format(), codec, frames: 20, framesPerSecond: 10 });
  const video = await decodeVideo(new Blob([file]), usual);
  expect(video.durationSeconds).toBeCloseTo(2, 2);
  expect(video.hasAudio).toBe(false);
  expect(seen(video).map(({ number }) => number)).toEqual([0, 5, 10, 15]);
  for (const [i, { seconds }] of video.frames.entries()) expect(seconds).toBeCloseTo(i / 2, 2);
  const [first] = video.frames;
  expect([first!.image.width, first!.image.height]).toEqual([160, 96]);
  const [red, green, blue] = colourAt(first!.image, 0.5, 0.95);
  expect(red).toBeGreaterThan(180);
  expect(Math.max(green!, blue!)).toBeLessThan(80);
});

test("frames are made smaller and turned as the file says", async () => {
  const format = new Mp4OutputFormat();
  const file = await encodeVideo({ format, codec: "vp9", frames: 3, framesPerSecond: 2, rotation: 90 });
  const opened = await openVideo(new Blob([file]));
  expect([opened.width, opened.height]).toEqual([96, 160]);
  opened.close();
  const { frames } = await decodeVideo(new Blob([file]), { ...usual, maxSide: 80 });
  expect(frames).toHaveLength(3);
  const { image } = frames[2]!;
  expect([image.width, image.height]).toEqual([48, 80]);
  // The lowest eighth, turned a quarter clockwise, is the one at the left.
  expect(colourAt(image, 0.05, 0.5)[0]).toBeGreaterThan(180);
  expect(colourAt(image, 0.5, 0.5)[0]).toBeLessThan(80);
  expect(colourAt(image, 0.95, 0.5)[0]).toBeLessThan(80);
});

test("two hours: as many frames as are allowed, and little more is decoded", async () => {
  const file = await encodeVideo({
    ...{ format: new WebMOutputFormat(), frames: 900, framesPerSecond: 0.125, keyFrameInterval: 64 },
    ...{ width: 80, height: 48 },
  });
  const decode = vi.spyOn(VideoDecoder.prototype, "decode");
  const video = await decodeVideo(new Blob([file]), { ...usual, mostFrames: 9 });
  expect(video.durationSeconds).toBeCloseTo(7200, 0);
  expect(video.frames).toHaveLength(9);
  expect(decode.mock.calls.length).toBeLessThanOrEqual(9);
  for (const [i, { number, seconds }] of seen(video).entries()) {
    expect(number).toBe(Math.round(seconds / 8));
    expect(Math.abs(seconds - i * 899)).toBeLessThanOrEqual(32);
  }
});

test("a frame that stays is given once", async () => {
  const file = await encodeVideo({ format: new WebMOutputFormat(), frames: 3, framesPerSecond: 1 });
  const video = await decodeVideo(new Blob([file]), { ...usual, framesPerSecond: 4 });
  expect(seen(video)).toEqual([0, 1, 2].map((number) => ({ number, seconds: number })));
});

test("frames come one by one, and end when nobody wants more", async () => {
  const file = await encodeVideo({ format: new WebMOutputFormat(), frames: 40, framesPerSecond: 10 });
  const video = await openVideo(new Blob([file]));
  const numbers: number[] = [];
  for await (const { image } of video.frames({ ...usual, framesPerSecond: 10 })) {
    numbers.push(numberIn(image));
    image.close();
    if (numbers.length === 3) break;
  }
  expect(numbers).toEqual([0, 1, 2]);
  const controller = new AbortController();
  const aborted = async () => {
    for await (const { image } of video.frames({ ...usual, signal: controller.signal })) {
      image.close();
      controller.abort();
    }
  };
  await expect(aborted()).rejects.toMatchObject({ code: "aborted" });
  await expect(aborted()).rejects.toMatchObject({ code: "aborted" });
  video.close();
});

test("sound of a video", async () => {
  for (const format of [new WebMOutputFormat(), new Mp4OutputFormat()]) {
    const sound = { codec: "opus", seconds: 1.5 } as const;
    const file = await encodeVideo({ format, codec: "vp9", frames: 20, framesPerSecond: 10, sound });
    const video = await decodeVideo(new Blob([file]), usual);
    expect(video.hasAudio).toBe(true);
    expect(video.frames).toHaveLength(4);
    const audio = await decodeAudio(new Blob([file]));
    let samples = 0;
    let loudest = 0;
    for await (const piece of audio.samples()) {
      samples += piece.length;
      loudest = Math.max(loudest, ...piece.subarray(0, 1000));
    }
    audio.close();
    expect(Math.abs(samples / 16_000 - 1.5)).toBeLessThan(0.1);
    expect(loudest).toBeGreaterThan(0.4);
  }
});

test("files that end early are refused, or give what is there", async () => {
  const outcomes = { refused: 0, frames: 0 };
  for (const format of [
    new Mp4OutputFormat({ fastStart: "in-memory" }),
    new Mp4OutputFormat({ fastStart: false }),
    new WebMOutputFormat(),
    new WebMOutputFormat({ appendOnly: true }),
  ]) {
    const whole = await encodeVideo({ format, codec: "vp9", frames: 30, framesPerSecond: 10 });
    for (let part = 1; part < 8; part++) {
      const cut = new Blob([whole.slice(0, Math.floor((whole.length * part) / 8))]);
      const result = await decodeVideo(cut, usual).catch((thrown) => thrown);
      if (result instanceof Error) {
        outcomes.refused++;
        expect(result).toMatchObject({ code: "invalid_request", detail: "invalid_video" });
        expect(result.message).toMatch(/cut short/);
      } else {
        outcomes.frames++;
        expect(result.frames.length).toBeGreaterThan(0);
        expect(result.frames.length).toBeLessThan(6);
      }
    }
  }
  // Only what is streamed does not say how long it is.
  expect(outcomes.refused).toBeGreaterThanOrEqual(21);
});

test("damaged bytes give frames or an error that is the request's", async () => {
  const whole = await encodeVideo({
    ...{ format: new Mp4OutputFormat({ fastStart: "in-memory" }), codec: "vp9" },
    ...{ frames: 10, framesPerSecond: 10 },
  });
  let state = 7;
  const random = (end: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
  let refused = 0;
  for (let i = 0; i < 40; i++) {
    const bytes = whole.slice();
    for (let change = 0; change < 4; change++) bytes[random(i % 2 ? 900 : bytes.length)] = random(256);
    const result = await decodeVideo(new Blob([bytes]), { ...usual, mostFrames: 8 }).catch(
      (thrown) => thrown,
    );
    if (result instanceof Error) {
      refused++;
      expect(result).toMatchObject({ code: "invalid_request", detail: "invalid_video" });
    } else expect(result.frames.length).toBeLessThanOrEqual(8);
  }
  expect(refused).toBeGreaterThan(3);
});

test("no pictures, pictures of an unknown codec, or too large ones", async () => {
  const format = new Mp4OutputFormat({ fastStart: "in-memory" });
  const sound = { codec: "opus", seconds: 0.5 } as const;
  const both = await encodeVideo({ format, codec: "vp9", frames: 2, framesPerSecond: 2, sound });
  const unknown = new Blob([replaced(both, "vp09", "xyz1")]);
  await expect(decodeVideo(unknown, usual)).rejects.toThrow(
    /cannot decode the video's pictures \(codec "xyz1"\)/,
  );
  const silent = new Blob([replaced(both, "vide", "xxxx")]);
  await expect(decodeVideo(silent, usual)).rejects.toThrow("no video track");
  const small = { ...videoLimits, maxSide: 100 };
  await expect(decodeVideo(new Blob([both]), usual, small)).rejects.toThrow("160 × 96 pixels; at most 100");
  const short = { ...videoLimits, maxSeconds: 0.5 };
  await expect(decodeVideo(new Blob([both]), usual, short)).rejects.toThrow(/seconds long; at most 0.5/);
});

function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array<ArrayBuffer> {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  expect(text).toContain(from);
  return Uint8Array.from(text.replaceAll(from, to), (letter) => letter.charCodeAt(0));
}
