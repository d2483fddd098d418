/** The embedded model at the page's camera and microphone: an emoji is named, a spoken sum is answered and written down. */

import { answers, button, open, questions, reaches, testWith } from "./mediaPage.ts";
import { expect } from "./site.ts";

const test = testWith({ camera: "a strawberry", microphone: "three plus four" });
/** Software adapters compile both encoders when they are first wanted. */
const waits = { timeout: 300_000 };

test("an emoji in front of the camera is named", async ({ guarded: page, site }) => {
  test.setTimeout(600_000);
  await open(page, site.app);
  await button(page, "Camera").click();
  const preview = page.getByTestId("camera").locator("video");
  await expect.poll(() => preview.evaluate((v) => (v as HTMLVideoElement).videoWidth)).toBeGreaterThan(0);
  await button(page, "Take a picture").click();
  await page.getByRole("textbox", { name: "Message", exact: true }).fill("What do you see?");
  await page.keyboard.press("Enter");
  await expect(answers(page)).toContainText("strawberry", waits);
});

test("a voice that says “three plus four” is answered, and what was heard is shown", async ({
  guarded: page,
  site,
}) => {
  test.setTimeout(600_000);
  await open(page, site.app);
  await button(page, /^Talk/).click();
  await button(page, "Hands-free").click();
  await expect(answers(page).first().locator(".markdown")).toContainText("7", waits);
  await expect(questions(page).first().getByTestId("heard")).toHaveText(/^Heard: \S/, waits);
  await page.getByTestId("microphone").getByRole("button", { name: "Turn the microphone off" }).click();
  await reaches(page, "ready");
});
