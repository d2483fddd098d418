/** The browser that benchmarks run in, and the pages it is given. */

import path from "node:path";
import { chromium, type Page } from "playwright";
import { createServer } from "vite";
import { type AdapterLaunch, adapterLaunches } from "../scripts/browsers.mjs";
import { root } from "../scripts/install.mjs";
import { fail } from "./cli.ts";

/** The adapters of this name, `all`, or by default the fastest that is set up. */
export function chosenAdapters(name: string | undefined): AdapterLaunch[] {
  const all = adapterLaunches();
  const wanted = name ?? (all.some((each) => each.name === "lavapipe") ? "lavapipe" : "swiftshader");
  const chosen = wanted === "all" ? all : all.filter((each) => each.name === wanted);
  if (chosen.length === 0)
    fail(`no adapter ${wanted} is set up here; \`npm test -- gpu\` sets up what it can`);
  return chosen;
}

/** Opens a page of `bench/` as Vite serves it from its source, and waits until it has put `name` in place. */
export async function withSourcePage<T>(
  { launch }: AdapterLaunch,
  page: string,
  name: string,
  use: (tab: Page) => Promise<T>,
): Promise<T> {
  const server = await createServer({
    ...{ root, configFile: false, logLevel: "error", cacheDir: path.join(root, ".cache/bench/vite") },
    server: { port: 0, host: "localhost", hmr: false, watch: null },
    optimizeDeps: { noDiscovery: true },
  });
  await server.listen();
  const browser = await chromium.launch(launch);
  try {
    const tab = await browser.newPage();
    const errors: string[] = [];
    tab.on("pageerror", (error) => errors.push(error.message));
    await tab.goto(`${server.resolvedUrls!.local[0]}bench/${page}`);
    await tab
      .waitForFunction((name) => name in globalThis, name, { timeout: 30_000 })
      .catch(() => {
        throw new Error(`bench/${page} does not start: ${errors.join("; ") || "no error"}`);
      });
    return await use(tab);
  } finally {
    await browser.close();
    await server.close();
  }
}
