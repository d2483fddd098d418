/** Pictures, sound and video on the chat page: picked, pasted and dropped. */

import { readFileSync } from "node:fs";
import path from "node:path";
import {
  answers,
  ask,
  button,
  chips,
  composer,
  isStored,
  lastParts,
  longVideoFile,
  open,
  pngFile,
  questions,
  reaches,
  requestCount,
  sizeOf,
  test,
  videoFile,
} from "./mediaPage.ts";
import { expect, fixtures } from "./site.ts";

test("attaches a picture, a sound and a video, sends them, and has them after a reload", async ({
  guarded: page,
  site,
}) => {
  const loaded = () => site.requests(/\/assets\/(media|chatMedia)-/).length;
  const before = loaded();
  await open(page, site.fake);
  await expect(button(page, /^Talk/)).toBeVisible();
  expect(loaded()).toBe(before); // what is for media comes with its first use
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

  await isStored(page);
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
  const tone = readFileSync(path.join(fixtures, "tone.wav"));
  const bad = [
    { name: "empty.png", mimeType: "image/png", buffer: Buffer.alloc(0), says: /empty \(0 bytes\)/ },
    { name: "page.png", mimeType: "image/png", buffer: Buffer.from("<!doctype html><p>"), says: /web page/ },
    { name: "huge.png", mimeType: "image/png", buffer: huge, says: /20000 × 20000/ },
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("hello"), says: /no picture, sound/ },
    { name: "cut.wav", mimeType: "audio/wav", buffer: tone.subarray(0, 1000), says: /cut short/ },
    {
      name: "fake.mp4",
      mimeType: "video/mp4",
      buffer: Buffer.from("\0\0\0\x1cftypisomxx"),
      says: /cannot be read/,
    },
    { ...(await longVideoFile(page)), says: /lasts 120:00; at most/ },
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

  await isStored(page);
  await open(page, `${site.fake}?inputs=text`);
  await give("drop");
  await expect(page.getByText("“drop.png” was left out: fake-omni does not take pictures.")).toBeVisible();
  await expect(button(page, "Attach files")).toHaveCount(0);
  await expect(button(page, /^Talk/)).toHaveCount(0);
  // What another model was shown is still there, and this one is told apart.
  await ask(page, "Go on");
  await expect(answers(page).last()).toContainText("not given everything");
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
    await button(page, "Discard").scrollIntoViewIfNeeded();
    for (const name of [/^Attach/, /^Send what/, "Discard"])
      await expect(button(page, name).first()).toBeInViewport();
    await expect(composer(page)).toBeInViewport();
    await button(page, "Discard").click();
    await ask(page, "All of it");
    expect(await overflow()).toBeLessThanOrEqual(0);
  });
});
