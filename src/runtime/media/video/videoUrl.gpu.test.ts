/** Frames as a list of JPEGs, and videos by their address. (A browser test; it needs no GPU.) */

import { WebMOutputFormat } from "mediabunny";
import { expect, test } from "vitest";
import { drawNumber, encodeVideo, numberIn } from "./testing/encodeVideo.ts";
import { videoLimits } from "./videoLimits.ts";
import { decodeVideoUrl } from "./videoUrl.ts";

const options = { framesPerSecond: 2, mostFrames: 100, maxSide: 80 };
const decode = (
  url: string,
  changed: Partial<typeof options> & { signal?: AbortSignal } = {},
  limits = videoLimits,
) => decodeVideoUrl(url, "messages[0].content[1].video_url.url", { ...options, ...changed }, limits);

async function base64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

async function jpegs(count: number): Promise<string[]> {
  const context = new OffscreenCanvas(160, 96).getContext("2d")!;
  const list: string[] = [];
  for (let i = 0; i < count; i++) {
    drawNumber(context, i);
    list.push(await base64(await context.canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 })));
  }
  return list;
}

test("a list of JPEGs", async () => {
  const list = await jpegs(7);
  const video = await decode(`data:video/jpeg;base64,${list.join(",")}`);
  expect(video).toMatchObject({ durationSeconds: 3.5, hasAudio: false });
  expect(video.frames.map(({ image }) => numberIn(image))).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(video.frames.map(({ seconds }) => seconds)).toEqual([0, 0.5, 1, 1.5, 2, 2.5, 3]);
  expect(video.frames[0]!.image.width).toBe(80);
  const few = await decode(`data:video/jpeg;base64,${list.join(",")}`, { mostFrames: 3 });
  expect(few.frames.map(({ image }) => numberIn(image))).toEqual([0, 3, 6]);
  expect(few.frames.map(({ seconds }) => seconds)).toEqual([0, 1.5, 3]);
  const one = await decode(`data:video/jpeg;base64,${list.join(",")}`, { mostFrames: 1 });
  expect(one.frames.map(({ image }) => numberIn(image))).toEqual([3]);
});

test("what is wrong with a list is named", async () => {
  const [jpeg] = await jpegs(1);
  const fails = (data: string) => expect(decode(`data:video/jpeg;base64,${data}`)).rejects;
  await fails("").toThrow(/Frame 1 of the video: .*empty/);
  await fails(`${jpeg},`).toThrow(/Frame 2 of the video: .*empty/);
  await fails(`${jpeg},***`).toThrow(/Frame 2 of the video: .*not valid base64/);
  await fails(`${jpeg},${btoa("<html>")}`).toThrow(/Frame 2 of the video: .*web page/);
  await fails(`${jpeg},${btoa("<html>")}`).toMatchObject({ status: 400, detail: "invalid_video" });
  const small = { ...videoLimits, maxBytes: 100 };
  await expect(decode(`data:video/jpeg;base64,${jpeg}`, {}, small)).rejects.toThrow(
    "more than the 100 bytes",
  );
  const signal = AbortSignal.abort();
  await expect(decode(`data:video/jpeg;base64,${jpeg}`, { signal })).rejects.toMatchObject({
    code: "aborted",
  });
});

test("a video in a data: URL and behind a blob: URL", async () => {
  const file = await encodeVideo({ format: new WebMOutputFormat(), frames: 10, framesPerSecond: 10 });
  const blob = new Blob([file], { type: "text/plain" });
  const address = URL.createObjectURL(blob);
  for (const url of [`data:video/webm;base64,${await base64(blob)}`, address]) {
    const { frames } = await decode(url);
    expect(frames.map(({ image }) => numberIn(image))).toEqual([0, 5]);
  }
  URL.revokeObjectURL(address);
  await expect(decode("file:///etc/passwd")).rejects.toThrow("expected a data:, blob: or http(s): URL");
});
