/** The browsers that tests and benchmarks run in: one launch description per software adapter. */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { LaunchOptions } from "playwright";

export interface AdapterLaunch {
  /** `swiftshader` (no f16, subgroups of 4) or `lavapipe` (f16, subgroups of 8, 128 MiB bindings). */
  name: string;
  launch: LaunchOptions;
}

const cacheDir = path.resolve(import.meta.dirname, "../.cache");

/** Flags under which a headless Chromium gives a WebGPU adapter without a GPU. */
export const webgpuFlags = [
  "--headless=new",
  "--no-sandbox",
  "--no-first-run",
  "--disable-quic",
  "--disable-sync",
  "--disable-background-networking",
  "--disable-component-update",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
];

/** The Chromium or Chrome to run: `CHROME`, else an installed one. */
export function findChrome(): string | undefined {
  const candidates = [
    process.env.CHROME,
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome-stable",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  ];
  return candidates.find((file) => file && existsSync(file));
}

function launchOptions(executablePath: string, env: Record<string, string> = {}): LaunchOptions {
  return {
    executablePath,
    headless: false,
    // Playwright's own SwiftShader flag would take WebGPU's place.
    ignoreDefaultArgs: ["--enable-unsafe-swiftshader"],
    args: webgpuFlags,
    env: { ...(process.env as Record<string, string>), ...env },
  };
}

/**
 * Every software adapter that is set up here. `scripts/lavapipe/setup.sh` writes `.cache/lavapipe/env.json`
 * (`{ "chrome": path, "env": { … } }`); `OMNITAB_ADAPTER` restricts to one by name.
 */
export function adapterLaunches(): AdapterLaunch[] {
  const launches: AdapterLaunch[] = [];
  const chrome = findChrome();
  if (chrome) launches.push({ name: "swiftshader", launch: launchOptions(chrome) });
  const lavapipe = path.join(cacheDir, "lavapipe", "env.json");
  if (existsSync(lavapipe)) {
    const { chrome: own, env } = JSON.parse(readFileSync(lavapipe, "utf8"));
    launches.push({ name: "lavapipe", launch: launchOptions(own, env) });
  }
  const only = process.env.OMNITAB_ADAPTER;
  return only ? launches.filter(({ name }) => name === only) : launches;
}
