import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { adapterLaunches } from "./scripts/browsers.mjs";

// Tests that need a GPU run in Chromium, once per software adapter that is set up; the rest run in Node.
const gpuTests = ["src/kernels/**/*.test.ts", "src/**/*.gpu.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "scripts/**/*.test.ts", "bench/**/*.test.ts"],
          exclude: gpuTests,
        },
      },
      {
        publicDir: "public",
        // Tests may run in several browsers side by side.
        cacheDir: `.cache/vite/${process.env.OMNITAB_ADAPTER ?? "all"}-${process.env.OMNITAB_SHARD ?? ""}`,
        test: {
          name: "gpu",
          include: gpuTests,
          provide: { thorough: process.env.OMNITAB_THOROUGH === "1" },
          testTimeout: 480_000,
          hookTimeout: 240_000,
          fileParallelism: false,
          browser: {
            enabled: true,
            screenshotFailures: false,
            instances: adapterLaunches().map(({ name, launch }) => ({
              name,
              browser: "chromium" as const,
              headless: false, // the flags ask for the new headless mode themselves
              provider: playwright({ launchOptions: launch }),
            })),
          },
        },
      },
    ],
  },
});
