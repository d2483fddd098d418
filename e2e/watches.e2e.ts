/** The embedded model watches through the page's camera: what moves is named, and which way. */

import { answers, button, open, testWith } from "./mediaPage.ts";
import { expect } from "./site.ts";

const test = testWith({ camera: "a circle that moves" });

test("a circle that moves in front of the camera is named, and which way it moves", async ({
  guarded: page,
  site,
}) => {
  test.setTimeout(600_000);
  await open(page, site.app);
  await button(page, "Camera").click();
  const video = page.getByTestId("camera").locator("video");
  /** Whether the circle is in the left part of the picture. */
  const isLeft = () =>
    video.evaluate((v) => {
      const canvas = new OffscreenCanvas(32, 24);
      const context = canvas.getContext("2d")!;
      context.drawImage(v as HTMLVideoElement, 0, 0, 32, 24);
      const [red, , blue] = context.getImageData(6, 12, 1, 1).data;
      return blue! > red! + 40;
    });
  // It has just come back to the left, where it rests for a while.
  await expect.poll(isLeft, { intervals: [100] }).toBe(false);
  await expect.poll(isLeft, { intervals: [100] }).toBe(true);
  await page.waitForTimeout(2500);
  await button(page, "Keep watching").click();
  await expect(page.getByTestId("camera")).toContainText("last 8 frames");
  await page.getByRole("textbox", { name: "Message", exact: true }).fill("What happens?");
  await page.keyboard.press("Enter");
  const waits = { timeout: 300_000 };
  await expect(answers(page).locator(".markdown")).not.toBeEmpty(waits);
  await expect(page.locator("body")).toHaveAttribute("data-state", "ready", waits);
  await expect(answers(page).locator(".markdown")).toContainText(/blue circle .*moves to the right/);
});
