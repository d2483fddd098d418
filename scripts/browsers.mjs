// @ts-check
/** The browsers that people, tests and benchmarks run: where they are, and the flags WebGPU needs. Plain Node. */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "./install.mjs";

/**
 * One way to launch a browser for tests, for Playwright's `launch()`.
 * `swiftshader` has no f16 and subgroups of 4; `lavapipe` has f16, subgroups of 8 and 128 MiB bindings.
 *
 * @typedef {{ name: string, launch: import("playwright").LaunchOptions }} AdapterLaunch
 */

/** Written by `scripts/lavapipe/setup.sh`: `{ "chrome": path, "env": { … } }`. */
export const lavapipeFile = path.join(root, ".cache", "lavapipe", "env.json");

/** Flags of any headless Chromium here. */
export const plainFlags = [
  "--headless=new",
  "--no-sandbox",
  "--no-first-run",
  "--disable-quic",
  "--disable-sync",
  "--disable-background-networking",
  "--disable-component-update",
];

/** Flags under which a headless Chromium gives a WebGPU adapter without a GPU. */
export const webgpuFlags = [...plainFlags, "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/**
 * Whether a file is a browser that can be run. Ubuntu's `chromium` packages are scripts of a few kilobytes that
 * ask for the snap, and a snap cannot read this project's folders: only counted where the snap is installed.
 *
 * @param {string | undefined} file
 */
function isBrowser(file) {
  if (!file || !existsSync(file)) return false;
  return !file.startsWith("/usr/bin/chromium") || !isSnapStub(file) || existsSync("/snap/bin/chromium");
}

/** @param {string} file */
function isSnapStub(file) {
  const start = readFileSync(file).subarray(0, 4096).toString("latin1");
  return start.startsWith("#!") && start.includes("snap");
}

/**
 * The Chromium or Chrome to run: `CHROME`, else an installed one.
 *
 * @returns {string | undefined}
 */
export function findChrome() {
  const programs = [process.env.PROGRAMFILES, process.env["PROGRAMFILES(X86)"], process.env.LOCALAPPDATA];
  return [
    process.env.CHROME,
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome-stable",
    "/usr/bin/google-chrome",
    "/opt/google/chrome/chrome",
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    ...programs.flatMap((dir) => (dir ? [path.join(dir, "Google/Chrome/Application/chrome.exe")] : [])),
  ].find(isBrowser);
}

/**
 * @param {string} executablePath
 * @param {Record<string, string>} env
 * @param {readonly string[]} args
 * @returns {import("playwright").LaunchOptions}
 */
export function launchOptions(executablePath, env = {}, args = webgpuFlags) {
  return {
    executablePath,
    headless: false, // the flags ask for the new headless mode themselves
    // Playwright's own SwiftShader flag would take WebGPU's place.
    ignoreDefaultArgs: ["--enable-unsafe-swiftshader"],
    args: [...args],
    env: { .../** @type {Record<string, string>} */ (process.env), ...env },
  };
}

/**
 * Every software adapter that is set up here; `OMNITAB_ADAPTER` restricts to one by name.
 *
 * @returns {AdapterLaunch[]}
 */
export function adapterLaunches() {
  /** @type {AdapterLaunch[]} */
  const launches = [];
  const chrome = findChrome();
  if (chrome) launches.push({ name: "swiftshader", launch: launchOptions(chrome) });
  if (existsSync(lavapipeFile)) {
    const { chrome: own, env } = JSON.parse(readFileSync(lavapipeFile, "utf8"));
    if (existsSync(own)) launches.push({ name: "lavapipe", launch: launchOptions(own, env) });
  }
  const only = process.env.OMNITAB_ADAPTER;
  return only ? launches.filter(({ name }) => name === only) : launches;
}
