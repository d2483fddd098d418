/** Pictures, sound and video on the chat page: attached, and from Chromium's fake camera and microphone. */

import path from "node:path";
import type { Page } from "playwright/test";
import { adapterLaunches } from "../scripts/browsers.mjs";
import { fakeDeviceFlags } from "./fakeDevices.ts";
import { test as base, expect, fixtures } from "./site.ts";

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

const test = base.extend<object, object>({
  launchOptions: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures it needs from this pattern
    async ({}, use, { project }) => {
      const { launch } = adapterLaunches().find(({ name }) => name === project.name)!;
      await use({ ...launch, args: [...launch.args!, ...fakeDeviceFlags()] });
    },
    { scope: "worker" },
  ],
});

async function reaches(page: Page, state: string) {
  await expect(page.locator("body")).toHaveAttribute("data-state", state);
}

async function open(page: Page, address: string) {
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
function refuseDevices(page: Page, name: string) {
  return page.evaluate((name) => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("No.", name));
  }, name);
}

/** As when the plug is pulled: the page did not stop it. */
function unplug(page: Page) {
  return page.evaluate(() => {
    const track = globalThis.streams.at(-1)!.getTracks()[0]!;
    track.stop();
    track.dispatchEvent(new Event("ended"));
  });
}

const openTracks = (page: Page) =>
  page.evaluate(
    () => globalThis.streams.flatMap((s) => s.getTracks()).filter((t) => t.readyState === "live").length,
  );

const requestCount = (page: Page) => page.evaluate(() => globalThis.fakes[0]!.requests.length);

/** The parts of the last message of the last request. */
async function lastParts(page: Page): Promise<Part[]> {
  const content = await page.evaluate(() => globalThis.fakes[0]!.requests.at(-1)!.messages.at(-1)!.content);
  expect(content).toBeInstanceOf(Array);
  return content as Part[];
}

const composer = (page: Page) => page.getByRole("textbox", { name: "Message", exact: true });
const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const chips = (page: Page) => page.locator(".composer").getByTestId("attachment");
const questions = (page: Page) => page.getByRole("article", { name: "You" });
const answers = (page: Page) => page.getByRole("article", { name: "Assistant" });

async function ask(page: Page, text: string) {
  const before = await requestCount(page);
  await composer(page).fill(text);
  await composer(page).press("Enter");
  await expect.poll(() => requestCount(page)).toBe(before + 1);
  await reaches(page, "ready");
}

/** A picture file that the browser makes. */
async function pngFile(page: Page, width: number, height: number, name = "square.png") {
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
async function videoFile(page: Page) {
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

/** Width and height of a data: URL's picture. */
function sizeOf(page: Page, url: string) {
  return page.evaluate(async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    return [image.naturalWidth, image.naturalHeight];
  }, url);
}

test("attaches a picture, a sound and a video, sends them, and has them after a reload", async ({
  guarded: page,
  site,
}) => {
  await open(page, site.fake);
  const picker = page.getByTestId("pick");
  await picker.setInputFiles([await pngFile(page, 60, 40), await videoFile(page)]);
  await picker.setInputFiles(path.join(fixtures, "tone.wav"));
  await expect(chips(page)).toHaveCount(3);
  await expect(chips(page).nth(2)).toContainText("0:01");
  await picker.setInputFiles(await pngFile(page, 30, 30, "other.png"));
  await button(page, "Remove other.png").click();
  await expect(chips(page)).toHaveCount(3);

  await ask(page, "What is all this?");
  await expect(chips(page)).toHaveCount(0);
  const parts = await lastParts(page);
  expect(parts.map(({ type }) => type)).toEqual(["image_url", "video_url", "input_audio", "text"]);
  expect(await sizeOf(page, parts[0]!.image_url!.url)).toEqual([60, 40]);
  expect(parts[1]!.video_url!.url).toMatch(/^data:video\/webm;base64,GkXf/);
  expect(parts[2]!.input_audio).toMatchObject({ format: "wav", data: expect.stringMatching(/^UklGR/) });
  expect(parts[3]!.text).toBe("What is all this?");
  await expect(answers(page)).toContainText("1 image_url, 1 video_url, 1 input_audio, 1 text");

  await page.reload();
  await reaches(page, "ready");
  const sent = questions(page).getByTestId("attachment");
  await expect(sent).toHaveCount(3);
  const picture = sent.nth(0).getByRole("img", { name: "square.png" });
  await expect.poll(() => picture.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBe(60);
  await sent.nth(2).getByRole("button", { name: "Play tone.wav" }).click();
  await answers(page).getByRole("button", { name: "Regenerate" }).click();
  await expect.poll(() => requestCount(page)).toBe(1);
  expect(await lastParts(page)).toEqual(parts);

  await reaches(page, "ready");
  await questions(page).hover();
  await questions(page).getByRole("button", { name: "Edit" }).click();
  await questions(page).getByRole("button", { name: "Remove clip.webm" }).click();
  await button(page, "Send again").click();
  await expect.poll(() => requestCount(page)).toBe(2);
  expect((await lastParts(page)).map(({ type }) => type)).toEqual(["image_url", "input_audio", "text"]);
});

test("files that are no good are named, and the draft stays", async ({ guarded: page, site }) => {
  await open(page, site.fake);
  await composer(page).fill("Still here");
  const huge = Buffer.alloc(64);
  huge.write("\x89PNG\r\n\x1a\n", 0, "latin1");
  huge.writeUInt32BE(13, 8);
  huge.write("IHDR", 12);
  huge.writeUInt32BE(20_000, 16);
  huge.writeUInt32BE(20_000, 20);
  const bad = [
    { name: "empty.png", mimeType: "image/png", buffer: Buffer.alloc(0), says: /empty \(0 bytes\)/ },
    { name: "page.png", mimeType: "image/png", buffer: Buffer.from("<!doctype html><p>"), says: /web page/ },
    { name: "huge.png", mimeType: "image/png", buffer: huge, says: /20000 × 20000/ },
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("hello"), says: /no picture, sound/ },
    { name: "cut.wav", mimeType: "audio/wav", buffer: Buffer.from("RIFF\0\0\0\0WAVE"), says: /WAV file/ },
    {
      name: "fake.mp4",
      mimeType: "video/mp4",
      buffer: Buffer.from("\0\0\0\x1cftypisomxx"),
      says: /cannot be read/,
    },
  ];
  for (const { says, ...file } of bad) {
    await page.getByTestId("pick").setInputFiles(file);
    const notice = page.locator(".notice").filter({ hasText: `“${file.name}”` });
    await expect(notice).toContainText(says);
    await notice.getByRole("button").click();
  }
  await expect(chips(page)).toHaveCount(0);
  await expect(composer(page)).toHaveValue("Still here");

  // A picture that is only large is made smaller.
  await page.getByTestId("pick").setInputFiles(await pngFile(page, 5000, 1000));
  await expect(chips(page)).toHaveCount(1);
  await ask(page, "And this?");
  expect(await sizeOf(page, (await lastParts(page))[0]!.image_url!.url)).toEqual([2048, 410]);
});

test("takes what is pasted and dropped; a text model says that it does not see", async ({
  guarded: page,
  site,
}) => {
  const give = (kind: "paste" | "drop") =>
    page.evaluate(async (kind) => {
      const canvas = new OffscreenCanvas(20, 10);
      canvas.getContext("2d");
      const blob = await canvas.convertToBlob({ type: "image/png" });
      const data = new DataTransfer();
      data.items.add(new File([blob], `${kind}.png`, { type: "image/png" }));
      const init = { bubbles: true, cancelable: true };
      document.body.dispatchEvent(
        kind === "paste"
          ? new ClipboardEvent("paste", { ...init, clipboardData: data })
          : new DragEvent("drop", { ...init, dataTransfer: data }),
      );
    }, kind);
  await open(page, site.fake);
  await give("paste");
  await expect(chips(page)).toHaveCount(1);
  await give("drop");
  await expect(chips(page)).toHaveCount(2);
  await button(page, "Send").click();
  await expect(answers(page)).toContainText("2 image_url");

  await open(page, `${site.fake}?inputs=text`);
  await give("drop");
  await expect(page.getByText("“drop.png” was left out: fake-omni does not take pictures.")).toBeVisible();
  await expect(button(page, "Attach files")).toHaveCount(0);
  await expect(button(page, /^Talk/)).toHaveCount(0);
  // What another model was shown is still there, and this one is told apart.
  await ask(page, "Go on");
  await expect(answers(page).last()).toContainText("not given everything");
});

test("the camera: preview, a picture, and watching that the next question sees", async ({
  guarded: page,
  site,
}) => {
  await open(page, site.fake);
  await button(page, "Camera").click();
  const panel = page.getByRole("region", { name: "Camera" });
  const preview = panel.locator("video");
  await expect.poll(() => preview.evaluate((v) => (v as HTMLVideoElement).videoWidth)).toBeGreaterThan(0);
  await expect(panel).toContainText("Stays in this tab");
  await panel.getByRole("button", { name: "Take a picture" }).click();
  await expect(chips(page)).toHaveCount(1);

  await panel.getByRole("button", { name: "Keep watching" }).click();
  await expect(panel).toContainText("last 8 frames");
  await ask(page, "What do you see?");
  const parts = await lastParts(page);
  expect(parts.map(({ type }) => type)).toEqual(["image_url", "video_url", "text"]);
  const frames = parts[1]!.video_url!.url.replace("data:video/jpeg;base64,", "").split(",");
  expect(frames).toHaveLength(8);
  const [width, height] = await sizeOf(page, `data:image/jpeg;base64,${frames[0]}`);
  expect(Math.max(width!, height!)).toBeLessThanOrEqual(448);
  expect(new Set(frames).size).toBeGreaterThan(1);
  await expect(questions(page).locator(".strip img")).toHaveCount(8);

  // Frames go along as long as it watches, and no longer.
  await ask(page, "And now?");
  expect((await lastParts(page)).map(({ type }) => type)).toEqual(["video_url", "text"]);
  await panel.getByRole("button", { name: "Keep watching" }).click();
  await ask(page, "And then?");
  const last = await page.evaluate(() => globalThis.fakes[0]!.requests.at(-1)!.messages.at(-1)!.content);
  expect(last).toBe("And then?");

  expect(await openTracks(page)).toBe(1);
  await panel.getByRole("button", { name: "Turn the camera off" }).click();
  await expect(panel).toBeHidden();
  expect(await openTracks(page)).toBe(0);
});

test("asks by itself when something changes in front of the camera", async ({ guarded: page, site }) => {
  await open(page, `${site.fake}?inputs=text,image`);
  await button(page, "Camera").click();
  await button(page, "Keep watching").click();
  await page.getByRole("textbox", { name: "Question to ask" }).waitFor();
  await page.getByRole("checkbox", { name: /something changes/ }).check();
  await page.getByRole("textbox", { name: "Question to ask" }).fill("Is the square there?");
  await expect(questions(page).first()).toContainText("Is the square there?", { timeout: 30_000 });
  // This model takes no video: the frames are pictures.
  const parts = await lastParts(page);
  expect(parts.filter(({ type }) => type === "image_url").length).toBeGreaterThan(1);
  expect(parts.at(-1)).toEqual({ type: "text", text: "Is the square there?" });
});

test("the microphone: a click starts and a click sends, or it is held, or the key is", async ({
  guarded: page,
  site,
}) => {
  await open(page, site.fake);
  const talk = button(page, /^(Talk|Send what was said)/);
  const length = page.getByTestId("talk-length");
  const sound = async () => {
    const { input_audio } = (await lastParts(page))[0]!;
    expect(input_audio!.format).toBe("wav");
    const wave = Buffer.from(input_audio!.data, "base64");
    expect(wave.readUInt16LE(22)).toBe(1);
    expect(wave.readUInt32LE(24)).toBe(16_000);
    expect(wave.readUInt32LE(40)).toBe(wave.length - 44);
    const samples = new Int16Array(wave.buffer.slice(wave.byteOffset + 44, wave.byteOffset + wave.length));
    return { seconds: samples.length / 16_000, peak: Math.max(...samples) };
  };

  await composer(page).fill("What do I say?");
  await talk.click();
  await expect(talk).toHaveAttribute("aria-pressed", "true");
  await expect(length).toHaveText("0:02");
  await talk.click();
  await expect(answers(page)).toHaveCount(1);
  await reaches(page, "ready");
  const first = await sound();
  expect(first.seconds).toBeGreaterThan(1.4);
  expect(first.peak).toBeGreaterThan(1000);
  expect((await lastParts(page))[1]).toEqual({ type: "text", text: "What do I say?" });
  expect(await openTracks(page)).toBe(0);

  await talk.hover();
  await page.mouse.down();
  await expect(length).toHaveText("0:02");
  await page.mouse.up();
  await expect(answers(page)).toHaveCount(2);
  await reaches(page, "ready");
  expect((await sound()).seconds).toBeGreaterThan(1.4);

  await page.keyboard.down("Alt");
  await page.keyboard.down("m");
  await expect(length).toHaveText("0:02");
  await page.keyboard.up("m");
  await page.keyboard.up("Alt");
  await expect(answers(page)).toHaveCount(3);
  await reaches(page, "ready");

  await talk.focus();
  await page.keyboard.press("Enter");
  await expect(length).toHaveText("0:02");
  await button(page, "Add to message").click();
  await expect(chips(page)).toHaveCount(1);
  await expect(page.getByTestId("microphone")).toBeHidden();
  await talk.click();
  await expect(length).toHaveText("0:01");
  await button(page, "Discard").click();
  await expect(chips(page)).toHaveCount(1);
  expect(await requestCount(page)).toBe(3);
});

test("hands-free: what is said is sent when it ends, again and again", async ({ guarded: page, site }) => {
  await open(page, site.fake);
  await button(page, /^Talk/).click();
  await button(page, "Hands-free").click();
  await expect(page.getByTestId("microphone")).toContainText("Hearing you");
  await expect(answers(page)).toHaveCount(2);
  const parts = await lastParts(page);
  expect(parts.map(({ type }) => type)).toEqual(["input_audio"]);
  const seconds = (parts[0]!.input_audio!.data.length * 0.75 - 44) / 32_000;
  expect(seconds).toBeGreaterThan(1.2);
  expect(seconds).toBeLessThan(3.4);
  await button(page, "Turn the microphone off").click();
  expect(await openTracks(page)).toBe(0);
});

test("devices that are forbidden, missing, in use, unplugged or silent: a message, and the chat goes on", async ({
  guarded: page,
  site,
}) => {
  await open(page, site.forbidden);
  const alert = page.getByRole("alert");
  await button(page, "Camera").click();
  await expect(alert).toContainText("may not use the camera");
  await alert.getByRole("button", { name: "Dismiss" }).click();
  await button(page, /^Talk/).click();
  await expect(alert).toContainText("may not use the microphone");
  await ask(page, "Still there?");
  await expect(answers(page)).toContainText("text alone");

  await open(page, site.fake);
  await refuseDevices(page, "NotFoundError");
  await button(page, "Camera").click();
  await expect(alert).toContainText("No camera was found");
  await refuseDevices(page, "NotReadableError");
  await alert.getByRole("button", { name: "Try again" }).click();
  await expect(alert).toContainText("Another program");
  await alert.getByRole("button", { name: "Dismiss" }).click();

  await open(page, site.fake);
  await button(page, "Camera").click();
  await button(page, "Keep watching").click();
  await expect(page.getByTestId("camera")).toContainText("last 2 frames");
  await unplug(page);
  await expect(alert).toContainText("The camera was disconnected");
  await ask(page, "Hello?");
  await expect(answers(page).last()).toContainText("text alone");
  await alert.getByRole("button", { name: "Dismiss" }).click();

  await button(page, /^Talk/).click();
  await expect(page.getByTestId("talk-length")).toHaveText("0:02");
  await unplug(page);
  await expect(alert).toContainText("The microphone was disconnected");
  await expect(chips(page)).toHaveCount(1); // what was said until then
  await ask(page, "Hello again");
  await alert.getByRole("button", { name: "Dismiss" }).click();

  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = async () =>
      new AudioContext().createMediaStreamDestination().stream;
  });
  await button(page, /^Talk/).click();
  await expect(page.getByTestId("microphone")).toContainText("Nothing can be heard");
  const before = await requestCount(page);
  await page.getByTestId("microphone").getByRole("button", { name: "Send", exact: true }).click();
  await expect(page.getByText("Nothing was heard, so nothing was sent.")).toBeVisible();
  expect(await requestCount(page)).toBe(before);
  await ask(page, "Fine");
});

test("a model that only writes down gets the sound itself", async ({ guarded: page, site }) => {
  await open(page, `${site.fake}?inputs=audio`);
  await expect(button(page, "Camera")).toHaveCount(0);
  await page.getByTestId("pick").setInputFiles(path.join(fixtures, "tone.wav"));
  await expect(chips(page)).toHaveCount(1);
  await button(page, "Send").click();
  await expect(answers(page)).toContainText("Three plus four.");
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true });

  test("everything fits", async ({ guarded: page, site }) => {
    await open(page, site.fake);
    await page
      .getByTestId("pick")
      .setInputFiles([
        await pngFile(page, 600, 40, "a very long name of a picture that nobody would ever want to read.png"),
        ...[await pngFile(page, 40, 600), await pngFile(page, 50, 50)],
      ]);
    await page.getByTestId("pick").setInputFiles(path.join(fixtures, "tone.wav"));
    await expect(chips(page)).toHaveCount(4);
    await button(page, "Camera").click();
    await button(page, "Keep watching").click();
    await button(page, /^Talk/).click();
    await expect(page.getByTestId("talk-length")).toHaveText("0:01");
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(await overflow()).toBeLessThanOrEqual(0);
    for (const name of [/^Attach/, /^Send what/, /^Turn the camera off/, "Discard"])
      await expect(button(page, name).first()).toBeInViewport();
    await expect(composer(page)).toBeInViewport();
    await button(page, "Discard").click();
    await ask(page, "All of it");
    expect(await overflow()).toBeLessThanOrEqual(0);
  });
});
