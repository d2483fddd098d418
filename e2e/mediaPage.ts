/** What the tests of pictures, sound and video on the chat page have in common: fake devices, a fake runtime, and its requests. */

import type { Page } from "playwright/test";
import { adapterLaunches } from "../scripts/browsers.mjs";
import { type FakeDevices, fakeDeviceFlags } from "./fakeDevices.ts";
import { test as base, expect } from "./site.ts";

interface Part {
  type: string;
  text?: string;
  image_url?: { url: string };
  video_url?: { url: string };
  input_audio?: { data: string; format: string };
}

declare global {
  /** The fake runtimes, by `src/ui/testing/fakeClient.ts`. */
  var fakes: { requests: { messages: { content: string | Part[] }[] }[] }[];
  /** What the page got from the browser. */
  var streams: MediaStream[];
}

/** Tests in a browser with these devices; a file has one kind. */
export const testWith = (devices: FakeDevices = {}) =>
  base.extend<object, object>({
    launchOptions: [
      // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures it needs from this pattern
      async ({}, use, { project }) => {
        const { launch } = adapterLaunches().find(({ name }) => name === project.name)!;
        await use({ ...launch, args: [...launch.args!, ...fakeDeviceFlags(devices)] });
      },
      { scope: "worker" },
    ],
  });

export const test = testWith();

export async function reaches(page: Page, state: string) {
  await expect(page.locator("body")).toHaveAttribute("data-state", state);
}

export async function open(page: Page, address: string) {
  await page.addInitScript(() => {
    globalThis.streams = [];
    const devices = navigator.mediaDevices;
    const ask = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      const stream = await ask(constraints);
      globalThis.streams.push(stream);
      return stream;
    };
  });
  await page.goto(address);
  await reaches(page, "ready");
}

/** From now on the browser answers every question for a device so. */
export function refuseDevices(page: Page, name: string) {
  return page.evaluate((name) => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("No.", name));
  }, name);
}

/** As when the plug is pulled: the page did not stop it. */
export function unplug(page: Page) {
  return page.evaluate(() => {
    const track = globalThis.streams.at(-1)!.getTracks()[0]!;
    track.stop();
    track.dispatchEvent(new Event("ended"));
  });
}

export const openTracks = (page: Page) =>
  page.evaluate(
    () => globalThis.streams.flatMap((s) => s.getTracks()).filter((t) => t.readyState === "live").length,
  );

/** Waits until the last answer is in the history: a page that is left at once may not get to write it. */
export const isStored = (page: Page) =>
  expect
    .poll(() =>
      page.evaluate(async () => {
        const opened = indexedDB.open("omnitab");
        await new Promise((resolve) => opened.addEventListener("success", resolve));
        const all = opened.result.transaction("conversations").objectStore("conversations").getAll();
        await new Promise((resolve) => all.addEventListener("success", resolve));
        opened.result.close();
        return all.result.at(-1)?.messages.at(-1).state;
      }),
    )
    .toBe("done");

export const requestCount = (page: Page) => page.evaluate(() => globalThis.fakes[0]!.requests.length);

/** The parts of the last message of the last request. */
export async function lastParts(page: Page): Promise<Part[]> {
  const content = await page.evaluate(() => globalThis.fakes[0]!.requests.at(-1)!.messages.at(-1)!.content);
  expect(content).toBeInstanceOf(Array);
  return content as Part[];
}

export const composer = (page: Page) => page.getByRole("textbox", { name: "Message", exact: true });
export const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
export const chips = (page: Page) => page.locator(".composer").getByTestId("attachment");
export const questions = (page: Page) => page.getByRole("article", { name: "You" });
export const answers = (page: Page) => page.getByRole("article", { name: "Assistant" });

export async function ask(page: Page, text: string) {
  const before = await requestCount(page);
  await composer(page).fill(text);
  await composer(page).press("Enter");
  await expect.poll(() => requestCount(page)).toBe(before + 1);
  await reaches(page, "ready");
}

/** A picture file that the browser makes. */
export async function pngFile(page: Page, width: number, height: number, name = "square.png") {
  const base64 = await page.evaluate(
    async ([width, height]) => {
      const canvas = new OffscreenCanvas(width!, height!);
      const context = canvas.getContext("2d")!;
      context.fillStyle = "#d33";
      context.fillRect(0, 0, width! / 2, height!);
      const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
      return btoa(String.fromCharCode(...bytes));
    },
    [width, height],
  );
  return { name, mimeType: "image/png", buffer: Buffer.from(base64, "base64") };
}

/** A second of video, as the browser records it. */
export async function videoFile(page: Page) {
  const base64 = await page.evaluate(async () => {
    const canvas = document.createElement("canvas");
    canvas.width = 160;
    canvas.height = 120;
    const context = canvas.getContext("2d")!;
    const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
    const parts: Blob[] = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const stopped = new Promise((resolve) => {
      recorder.onstop = resolve;
    });
    recorder.start();
    for (let i = 0; i < 20; i++) {
      context.fillStyle = `hsl(${i * 18} 80% 50%)`;
      context.fillRect(0, 0, 160, 120);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    recorder.stop();
    await stopped;
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  });
  return { name: "clip.webm", mimeType: "video/webm", buffer: Buffer.from(base64, "base64") };
}

/** The same, but that its head says that it lasts two hours. */
export async function longVideoFile(page: Page) {
  const { buffer, ...file } = await videoFile(page);
  // The element Duration, of four or eight bytes, in Info.
  const at = buffer.indexOf(Buffer.from("4489", "hex"), buffer.indexOf(Buffer.from("1549a966", "hex"))) + 3;
  const milliseconds = 2 * 3600 * 1000;
  if (buffer[at - 1] === 0x88) buffer.writeDoubleBE(milliseconds, at);
  else buffer.writeFloatBE(milliseconds, at);
  return { ...file, name: "long.webm", buffer };
}

/** Width and height of a data: URL's picture. */
export function sizeOf(page: Page, url: string) {
  return page.evaluate(async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    return [image.naturalWidth, image.naturalHeight];
  }, url);
}
