/** The chat page: `vite` serves it for development, `vite build` writes it to `dist/app/`. */

import { defineConfig, type Plugin } from "vite";
import { wgslPlugin } from "./scripts/wgslPlugin.ts";

/** Leaves `worker: false` out: the page never runs the engine in its own thread, and would carry it twice. */
const workerOnly: Plugin = {
  name: "omnitab:worker-only",
  apply: "build",
  enforce: "pre",
  load(id) {
    return /\/src\/runtime\/local\.ts$/.test(id.replaceAll("\\", "/"))
      ? "export const loadLocal = undefined;"
      : null;
  },
};

export default defineConfig({
  base: "./", // runs from any sub-path
  plugins: [workerOnly], // not the worker's own bundle, whose plugins are apart
  build: {
    outDir: "dist/app",
    target: "es2022",
    assetsInlineLimit: 0, // data: addresses would need a wider Content-Security-Policy
    license: { fileName: "licenses.md" },
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  worker: { format: "es", plugins: () => [wgslPlugin()] },
});
