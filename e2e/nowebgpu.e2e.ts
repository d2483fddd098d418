/** Browsers that cannot run a model: the page says what is missing and what to do, the library names it. */

import { expect, test } from "./site.ts";

const withoutApi = () => Reflect.deleteProperty(Navigator.prototype, "gpu");

test("without WebGPU the page says what to do in which browser", async ({ guarded, site }) => {
  await guarded.addInitScript(withoutApi);
  await guarded.goto(site.app);
  await expect(guarded.getByRole("heading", { level: 1 })).toHaveText(
    "This browser cannot run the model yet",
  );
  await expect(guarded.getByText("This browser does not offer WebGPU.")).toBeVisible();
  await expect(guarded.getByRole("heading", { name: "Your browser: Chrome" })).toBeVisible();
  await expect(guarded.getByText("chrome://gpu", { exact: false })).toBeVisible();
  await guarded.getByText("Firefox", { exact: true }).click();
  await expect(guarded.getByText("about:config", { exact: false })).toBeVisible();
  await guarded.getByRole("button", { name: "简体中文" }).click();
  await expect(guarded.getByRole("heading", { level: 1 })).not.toHaveText(/browser/);
  await expect(guarded.locator("html")).toHaveAttribute("lang", /^zh/);
});

test("with WebGPU but no adapter the page says that", async ({ guarded, site }) => {
  await guarded.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, "gpu", {
      configurable: true,
      value: { requestAdapter: async () => null },
    });
  });
  await guarded.goto(site.app);
  await expect(guarded.getByText("offers no graphics adapter that fits", { exact: false })).toBeVisible();
});

test("on an insecure address the page asks for a secure one", async ({ guarded, site }) => {
  const { port } = new URL(site.origin);
  await guarded.goto(site.app.replace(site.origin, `http://insecure.test:${port}`));
  await expect(guarded.getByText("opened over an insecure address", { exact: false })).toBeVisible();
});

test("createOmni names the missing adapter", async ({ guarded, site }) => {
  await guarded.goto(site.embed);
  await guarded.waitForFunction(() => "createOmni" in globalThis);
  const error = await guarded.evaluate(() =>
    createOmni({ model: "../../models/random.gguf" }).then(
      () => ({ code: "none", message: "" }),
      ({ code, message }) => ({ code, message }),
    ),
  );
  expect(error.code).toBe("unsupported_adapter");
  expect(error.message).toMatch(/WebGPU/);
});
