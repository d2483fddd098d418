/** Frames of a canvas' stream in place of a camera's. (A browser test; it needs no GPU.) */

import { afterEach, expect, test } from "vitest";
import { liveFrames, trackReadable } from "./liveFrames.ts";
import { drawNumber, numberIn } from "./testing/encodeVideo.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A track that shows the number of its frame, 25 of them a second. */
function countingTrack(): MediaStreamTrack {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [160, 96];
  const context = canvas.getContext("2d")!;
  let count = 0;
  const draw = () => drawNumber(context, count++);
  draw();
  const timer = setInterval(draw, 40);
  const track = canvas.captureStream().getVideoTracks()[0]!;
  cleanups.push(() => {
    clearInterval(timer);
    track.stop();
  });
  return track;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("frames at a rate, made smaller, until the track ends", async () => {
  const track = countingTrack();
  const times: number[] = [];
  const numbers: number[] = [];
  for await (const { image, seconds } of liveFrames(track, { framesPerSecond: 5, maxSide: 80 })) {
    expect([image.width, image.height]).toEqual([80, 48]);
    times.push(seconds);
    numbers.push(numberIn(image));
    image.close();
    if (times.length === 6) track.stop();
  }
  expect(times[0]).toBe(0);
  expect(times.length).toBeGreaterThanOrEqual(6);
  for (let i = 1; i < times.length; i++) {
    expect(times[i]! - times[i - 1]!).toBeGreaterThan(0.1);
    expect(numbers[i]).toBeGreaterThan(numbers[i - 1]!);
  }
});

test("who reads slowly gets what is new", async () => {
  const track = countingTrack();
  const frames = liveFrames(track, { framesPerSecond: 20, maxSide: 160 });
  const first = (await frames.next()).value!;
  await pause(1000);
  const second = (await frames.next()).value!;
  expect(second.seconds - first.seconds).toBeGreaterThan(0.6);
  const third = (await frames.next()).value!;
  expect(third.seconds).toBeGreaterThan(second.seconds);
  await frames.return();
  expect(track.readyState).toBe("live");
});

test("a stream that came from another thread", async () => {
  const readable = trackReadable(countingTrack());
  const { port1, port2 } = new MessageChannel();
  const arrived = new Promise<ReadableStream<VideoFrame>>((resolve) => {
    port2.onmessage = ({ data }) => resolve(data);
  });
  port1.postMessage(readable, [readable]);
  const controller = new AbortController();
  const frames = liveFrames(await arrived, { framesPerSecond: 10, maxSide: 160, signal: controller.signal });
  for (let i = 0; i < 3; i++) expect((await frames.next()).value!.seconds).toBeGreaterThanOrEqual(i * 0.05);
  const waiting = (async () => {
    while (!(await frames.next()).done);
  })();
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: "aborted" });
});

test("a stream that fails", async () => {
  const broken = new ReadableStream<VideoFrame>({
    start: (controller) => controller.error(new Error("unplugged")),
  });
  const frames = liveFrames(broken, { framesPerSecond: 1, maxSide: 8 });
  await expect(frames.next()).rejects.toThrow("The live video broke off: unplugged");
});
