/** Pages in headless Chromium, on every software adapter that is set up. `npm test -- e2e` builds first, then runs this. */

import path from "node:path";
import { defineConfig } from "playwright/test";
import { adapterLaunches, findChrome, launchOptions, plainFlags } from "../scripts/browsers.mjs";

const cache = path.resolve(import.meta.dirname, "../.cache");
const adapters = adapterLaunches();
const chrome = findChrome();

export default defineConfig({
  testDir: ".",
  testMatch: "*.e2e.ts",
  outputDir: path.join(cache, "e2e-results"),
  globalSetup: "./globalSetup.ts",
  workers: 1, // the software adapters take all cores by themselves
  timeout: 360_000, // Mesa compiles for minutes what it has not compiled before
  expect: { timeout: 60_000 }, // a model on a software adapter that compiles its kernels for the first time
  forbidOnly: true,
  reporter: process.env.PLAYWRIGHT_JSON_OUTPUT_FILE ? [["list"], ["json"]] : "list",
  use: { headless: false, actionTimeout: 30_000, trace: "off" },
  projects: [
    ...adapters.map(({ name, launch }) => ({
      name,
      testIgnore: "nowebgpu.e2e.ts",
      use: { launchOptions: launch },
    })),
    ...(chrome && adapters.some(({ name }) => name === "swiftshader")
      ? [
          {
            name: "without WebGPU",
            testMatch: "nowebgpu.e2e.ts",
            // A name other than localhost for the same server: an address that browsers call insecure.
            use: {
              launchOptions: launchOptions(chrome, {}, [
                ...plainFlags,
                "--host-resolver-rules=MAP insecure.test 127.0.0.1",
              ]),
            },
          },
        ]
      : []),
  ],
});
