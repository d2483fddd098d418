/** The chat page: `vite` serves it for development, `vite build` writes it to `dist/app/`. */

import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // runs from any sub-path
  build: {
    outDir: "dist/app",
    target: "es2022",
    assetsInlineLimit: 0, // data: addresses would need a wider Content-Security-Policy
    license: { fileName: "licenses.md" },
  },
  worker: { format: "es" },
});
