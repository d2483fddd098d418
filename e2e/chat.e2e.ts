/** The chat page with its embedded model, as a visitor uses it. */

import { readFileSync } from "node:fs";
import path from "node:path";
import type { Page } from "playwright/test";
import { expect, fixtures, test } from "./site.ts";

/** Waits until the page is in a state; see `usePageState` in `src/ui/app.tsx`. */
async function reaches(page: Page, state: string) {
  await expect(page.locator("body")).toHaveAttribute("data-state", state, { timeout: 120_000 });
}

/** Opens the page and waits for its model. The page counts the answers that begin, however short they are. */
async function open(page: Page, address: string) {
  await page.addInitScript(() => {
    Object.assign(globalThis, { begun: 0 });
    new MutationObserver((changes) => {
      for (const { oldValue } of changes)
        if (oldValue !== "generating" && document.body.dataset.state === "generating")
          (globalThis as unknown as { begun: number }).begun++;
    }).observe(document, { subtree: true, attributeFilter: ["data-state"], attributeOldValue: true });
  });
  await page.goto(address);
  await reaches(page, "ready");
}

/** Waits for the end of the n-th answer that was begun since the page was opened. */
async function answered(page: Page, n: number) {
  await page.waitForFunction((n) => (globalThis as unknown as { begun: number }).begun >= n, n);
  await reaches(page, "ready");
}

const composer = (page: Page) => page.getByRole("textbox", { name: "Message", exact: true });
const answers = (page: Page) => page.getByRole("article", { name: "Assistant" });
const questions = (page: Page) => page.getByRole("article", { name: "You" });

async function ask(page: Page, text: string) {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

async function openFile(page: Page, name: string) {
  await page.getByRole("button", { name: /Open another$/ }).click();
  const choosing = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose a .gguf file" }).click();
  await (await choosing).setFiles(path.join(fixtures, name));
  await expect(page.getByRole("dialog")).toBeHidden();
}

test("asks, sees the answer grow, and goes on after a reload", async ({ guarded: page, site, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page, site.app);
  await expect(page.getByTestId("status-adapter")).toContainText(/swiftshader/i);

  // Every length that the answer passes through (it may shrink by the signs of Markdown that closes).
  await page.evaluate(() => {
    const lengths = new Set<number>();
    Object.assign(globalThis, { lengths });
    new MutationObserver(() => {
      const answer = document.querySelector("article.answer .markdown");
      if (answer) lengths.add(answer.textContent.length);
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  await ask(page, "Who are you?");
  await answered(page, 1);
  await expect(answers(page)).toHaveCount(1);
  const markdown = answers(page).locator(".markdown");
  await expect(markdown).not.toBeEmpty();
  const lengths = await page.evaluate(() => [...(globalThis as unknown as { lengths: Set<number> }).lengths]);
  // A fast adapter draws few frames: what counts is that part of the answer showed before the whole.
  expect(lengths.filter((length) => length > 0).length).toBeGreaterThan(1);
  await expect(page.getByTestId("status-rate")).toHaveText(/\d.* tok\/s/);
  await expect(page.getByTestId("status-first")).toHaveText(/\d/);

  const showMetrics = page.getByRole("button", { name: "Show metrics" });
  await expect(showMetrics).toHaveAttribute("aria-expanded", "false");
  await showMetrics.click();
  const metrics = page.getByRole("region", { name: "Engine" });
  await expect(metrics.getByTestId("metrics-generated")).toHaveText(/^[1-9][\d,]*$/);
  await expect(metrics.getByTestId("metrics-prompt")).toHaveText(/^[1-9][\d,]*$/);
  await expect(metrics.getByTestId("metrics-first")).toHaveText(/^\d.* m?s$/);
  await expect(metrics.getByTestId("metrics-finished")).toHaveText(/^[1-9]/);
  await expect(metrics.getByRole("img", { name: /^Tokens per second/ }).locator("polyline")).toHaveCount(1);
  await metrics.getByRole("button", { name: "Hide metrics" }).click();
  await expect(metrics).toBeHidden();

  await answers(page).getByRole("button", { name: "Copy", exact: true }).click();
  await expect(answers(page).getByRole("button", { name: "Copied" })).toBeVisible();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied.length).toBeGreaterThan(3);
  expect((await markdown.innerText()).slice(0, 3)).toBe(copied.slice(0, 3));

  await ask(page, "What is 12 + 7?");
  await answered(page, 2);
  await expect(answers(page)).toHaveCount(2);

  const before = await answers(page).locator(".markdown").allInnerTexts();
  await page.reload();
  await reaches(page, "ready");
  await expect(questions(page).locator(".bubble")).toHaveText(["Who are you?", "What is 12 + 7?"]);
  expect(await answers(page).locator(".markdown").allInnerTexts()).toEqual(before);
  await expect(page.getByRole("navigation", { name: "Conversations" }).getByRole("listitem")).toHaveCount(1);
});

test("regenerates, edits and resends, starts and deletes conversations", async ({ guarded: page, site }) => {
  await open(page, site.app);
  await ask(page, "What does 🐢 mean?");
  await answered(page, 1);
  await answers(page).getByRole("button", { name: "Regenerate" }).click();
  await answered(page, 2);
  await expect(answers(page)).toHaveCount(1);
  await expect(answers(page).locator(".markdown")).not.toBeEmpty();

  await questions(page).hover();
  await questions(page).getByRole("button", { name: "Edit" }).click();
  await page.getByRole("textbox", { name: "Edit message" }).fill("What is 2 + 2?");
  await page.getByRole("button", { name: "Send again" }).click();
  await answered(page, 3);
  await expect(questions(page).locator(".bubble")).toHaveText(["What is 2 + 2?"]);
  await expect(answers(page)).toHaveCount(1);

  const list = page.getByRole("navigation", { name: "Conversations" });
  await list.getByRole("button", { name: "New chat" }).click();
  await expect(page.getByRole("heading", { name: "A model lives in this tab" })).toBeVisible();
  await page.getByRole("button", { name: "Who are you?" }).click();
  await expect(composer(page).or(questions(page)).first()).toBeVisible();
  if (await composer(page).inputValue()) await composer(page).press("Enter");
  await expect(questions(page).locator(".bubble")).toHaveText(["Who are you?"]);
  await answered(page, 4);
  await expect(list.getByRole("listitem")).toHaveCount(2);

  await list.getByRole("listitem").first().hover();
  await list
    .getByRole("button", { name: /^Delete/ })
    .first()
    .click();
  await expect(list.getByRole("listitem")).toHaveCount(1);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(list.getByRole("listitem")).toHaveCount(2);
});

test("opens a model from a file, stops it, and shows none of its attacks", async ({
  guarded: page,
  site,
}) => {
  const elsewhere: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(site.origin) && !request.url().startsWith("data:"))
      elsewhere.push(request.url());
  });
  page.on("dialog", (dialog) => {
    elsewhere.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await open(page, site.app);
  await openFile(page, "hostile.gguf");
  await expect(page.getByTestId("status-model")).toHaveText("hostile", { timeout: 240_000 });
  await reaches(page, "ready");

  await ask(page, "<b>bold</b> <img src=x onerror=pwned=1>");
  await reaches(page, "generating");
  await expect(answers(page).locator(".markdown")).toContainText("<script>");
  await page.keyboard.press("Escape");
  const stoppedMs = performance.now();
  await reaches(page, "ready");
  expect(performance.now() - stoppedMs).toBeLessThan(10_000);
  await expect(answers(page).getByText("Stopped")).toBeVisible();

  await expect(questions(page).locator(".bubble")).toHaveText("<b>bold</b> <img src=x onerror=pwned=1>");
  const conversation = page.getByRole("article");
  for (const selector of ["script", "img", "iframe", "style", "svg[onload]", "[onerror]", "[onclick]"])
    await expect(conversation.locator(".markdown, .bubble").locator(selector), selector).toHaveCount(0);
  const links = await conversation
    .locator("a")
    .evaluateAll((all) => all.map((a) => (a as HTMLAnchorElement).href));
  for (const href of links) expect(href).toMatch(/^(https?|mailto):/);
  expect(await page.evaluate(() => "pwned" in globalThis)).toBe(false);
  expect(elsewhere).toEqual([]);
});

test("opens a model by its address, with progress; one that fails leaves the other in use", async ({
  guarded: page,
  site,
}) => {
  await open(page, site.app);
  const openAddress = async (address: string) => {
    await page.getByRole("button", { name: /Open another$/ }).click();
    await page.getByRole("textbox", { name: "Address" }).fill(address);
    await page.getByRole("dialog").getByRole("button", { name: "Open", exact: true }).click();
  };
  await openAddress("not a model");
  await expect(page.getByText("neither a web address nor", { exact: false })).toBeVisible();
  await page.keyboard.press("Escape");

  await openAddress(`${site.origin}/models/unknown.gguf`);
  await expect(page.getByRole("alert")).toContainText("lhama");
  await page.getByRole("button", { name: "Dismiss" }).click();
  await ask(page, "Who are you?");
  await answered(page, 1);
  await expect(answers(page).locator(".markdown")).not.toBeEmpty();

  await openAddress(`${site.origin}/faults/slow/other.gguf`);
  const progress = page.getByRole("progressbar");
  await expect(progress).toBeVisible();
  await expect(page.getByText(/[kK]B of .*[kKM]B/)).toBeVisible();
  await expect(page.getByText(/\/s/).first()).toBeVisible();
  await expect(page.getByTestId("status-model")).toHaveText(/qwen3/, { timeout: 240_000 });
  await reaches(page, "ready");
});

test("settings count at once and last: language, theme, system prompt", async ({ guarded: page, site }) => {
  await open(page, site.app);
  await page.getByRole("button", { name: "Settings" }).first().click();
  await page.getByRole("textbox", { name: "System prompt" }).fill("Speak like a pirate.");
  await page.getByRole("radio", { name: "Dark" }).press("Space");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.getByRole("radio", { name: "简体中文" }).press("Space");
  await expect(page.locator("html")).toHaveAttribute("lang", /^zh/);
  await page.reload();
  await reaches(page, "ready");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(page.locator("html")).toHaveAttribute("lang", /^zh/);
  await expect(page.getByRole("button", { name: "Settings" })).toHaveCount(0);
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true });

  test("everything fits and works", async ({ guarded: page, site }) => {
    await open(page, site.app);
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(await overflow()).toBeLessThanOrEqual(0);
    await composer(page).fill("What is 3 + 4?");
    await page.getByRole("button", { name: "Send" }).click();
    await answered(page, 1);
    await expect(answers(page).locator(".markdown")).not.toBeEmpty();
    await expect(composer(page)).toBeInViewport();
    expect(await overflow()).toBeLessThanOrEqual(0);
    const list = page.getByRole("navigation", { name: "Conversations" });
    await expect(list).not.toBeInViewport();
    await page.getByRole("button", { name: "Show conversations" }).click();
    await expect(list).toBeInViewport();
    await page.keyboard.press("Escape");
    await expect(list).not.toBeInViewport();
  });
});

test("the embedded model is the one that was built", async ({ guarded: page, site }) => {
  const sizeBytes = readFileSync(path.resolve(import.meta.dirname, "../public/models/omni-tiny.gguf")).length;
  await open(page, site.app);
  const served = await page.request.head(new URL("models/omni-tiny.gguf", site.app).href);
  expect(Number(served.headers()["content-length"])).toBe(sizeBytes);
  expect(sizeBytes).toBeLessThan(8e6);
});
