/** The browser that benchmarks run in, and the pages it is given. */

import { spawnSync } from "node:child_process";
import path from "node:path";
import { type Browser, chromium, type Page } from "playwright";
import { createServer } from "vite";
import { type AdapterLaunch, adapterLaunches } from "../scripts/browsers.mjs";
import { root } from "../scripts/install.mjs";
import { type Mount, serve } from "../scripts/serve.mjs";
import { fail } from "./cli.ts";

/** Pages are isolated: for precise clocks, and because wllama's threads need it. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** The library as `buildLibrary` leaves it. */
export const ownLibrary: Mount = { path: "/omnitab/", dir: path.join(root, "dist/lib") };

export function buildLibrary(): void {
  const { status } = spawnSync(process.execPath, [path.join(root, "scripts/build.mjs"), "lib"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) fail("the library could not be built");
}

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

export interface BuiltPage {
  /** Path within `bench/` of a page that puts `measure` in place. */
  page: string;
  /** The model file, which the page is given the address of. */
  file: string;
  library: Mount;
  /** Functions that the page can call. */
  expose?: (browser: Browser) => Record<string, () => unknown>;
}

/** Opens a page of `bench/` beside a built library and a model file, as an app would have them. */
export async function withBuiltPage<T>(
  { launch }: AdapterLaunch,
  { page, file, library, expose }: BuiltPage,
  use: (tab: Page, model: string) => Promise<T>,
): Promise<T> {
  const server = await serve([
    { path: "/model/", dir: path.dirname(file), headers },
    { ...library, headers },
    { path: "/bench/", dir: path.join(root, "bench"), headers },
  ]);
  const browser = await chromium.launch(launch);
  try {
    const tab = await browser.newPage();
    for (const [name, call] of Object.entries(expose?.(browser) ?? {})) await tab.exposeFunction(name, call);
    await tab.goto(`${server.origin}/bench/${page}`);
    await tab.waitForFunction(() => "measure" in globalThis);
    return await use(tab, `${server.origin}/model/${encodeURIComponent(path.basename(file))}`);
  } finally {
    await browser.close();
    await server.close();
  }
}
