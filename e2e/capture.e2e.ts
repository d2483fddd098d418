/** The chat page's camera and microphone: Chromium's fake ones, and devices that fail. */

import {
  answers,
  ask,
  button,
  chips,
  composer,
  lastParts,
  open,
  openTracks,
  pngFile,
  questions,
  reaches,
  refuseDevices,
  requestCount,
  sizeOf,
  test,
  unplug,
} from "./mediaPage.ts";
import { expect } from "./site.ts";

/** The length of a recording, or more: a busy machine may skip a second. */
const twoSeconds = /^0:(0[2-9]|[1-5]\d)$/;

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
  await expect(length).toHaveText(twoSeconds);
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
  await expect(length).toHaveText(twoSeconds);
  await page.mouse.up();
  await expect(answers(page)).toHaveCount(2);
  await reaches(page, "ready");
  expect((await sound()).seconds).toBeGreaterThan(1.4);

  await page.keyboard.down("Alt");
  await page.keyboard.down("m");
  await expect(length).toHaveText(twoSeconds);
  await page.keyboard.up("m");
  await page.keyboard.up("Alt");
  await expect(answers(page)).toHaveCount(3);
  await reaches(page, "ready");

  await talk.focus();
  await page.keyboard.press("Enter");
  await expect(length).toHaveText(twoSeconds);
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
  await page.getByTestId("microphone").getByRole("button", { name: "Turn the microphone off" }).click();
  expect(await openTracks(page)).toBe(0);

  // What the model took it for is shown under it, and is still there after a reload.
  const heard = questions(page).first().getByTestId("heard");
  await expect(heard).toHaveText("Heard: Three plus four.");
  await reaches(page, "ready");
  await page.reload();
  await expect(heard).toHaveText("Heard: Three plus four.");
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
  await expect(page.getByTestId("camera")).toContainText(/last ([2-9]|\d\d) frames/);
  await unplug(page);
  await expect(alert).toContainText("The camera was disconnected");
  await ask(page, "Hello?");
  await expect(answers(page).last()).toContainText("text alone");
  await alert.getByRole("button", { name: "Dismiss" }).click();

  await button(page, /^Talk/).click();
  await expect(page.getByTestId("talk-length")).toHaveText(twoSeconds);
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

test("the embedded model is shown a picture, looks through the camera, and is spoken to", async ({
  guarded: page,
  site,
}) => {
  // Software adapters compile both encoders when they are first wanted.
  test.setTimeout(600_000);
  await open(page, site.app);
  const waits = { timeout: 300_000 };
  const written = async (count: number) => {
    await expect(answers(page)).toHaveCount(count, waits);
    await expect(page.locator("body")).toHaveAttribute("data-state", "ready", waits);
    await expect(answers(page).last().locator(".markdown")).not.toBeEmpty();
  };
  await page.getByTestId("pick").setInputFiles(await pngFile(page, 60, 60));
  const send = async (text: string) => {
    await composer(page).fill(text);
    await composer(page).press("Enter");
  };
  await send("What do you see?");
  await written(1);

  await button(page, "Camera").click();
  const preview = page.getByTestId("camera").locator("video");
  await expect.poll(() => preview.evaluate((v) => (v as HTMLVideoElement).videoWidth)).toBeGreaterThan(0);
  await button(page, "Take a picture").click();
  await expect(chips(page)).toHaveCount(1);
  await send("And now?");
  await written(2);

  const talk = button(page, /^(Talk|Send what was said)/);
  await talk.click();
  await expect(page.getByTestId("talk-length")).toHaveText(twoSeconds);
  await talk.click();
  await written(3);
  await expect(questions(page).last().getByTestId("attachment")).toHaveCount(1);
});
