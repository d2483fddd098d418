/** The library: `dist/lib/index.js` and `worker.js`, with everything they need beside them. */

import { defineConfig, type Plugin } from "vite";
import { wgslPlugin } from "./scripts/wgslPlugin.ts";

const workerInSource = 'new URL("./worker.ts", import.meta.url)';
const workerInBuild = 'new URL("./worker.js", import.meta.url)';
const placeholder = "__OMNITAB_WORKER_URL__";

/**
 * Keeps `new Worker(new URL("./worker.js", import.meta.url), …)` in the output just so: it works unbundled, and it is
 * the form that the bundlers of those who use the library look for. Vite would build a second copy of the worker.
 */
function keepWorkerUrl(): Plugin {
  return {
    name: "omnitab:keep-worker-url",
    enforce: "pre",
    transform(code) {
      return code.includes(workerInSource) ? code.replaceAll(workerInSource, placeholder) : undefined;
    },
    generateBundle(_options, bundle) {
      let kept = 0;
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk" || !chunk.code.includes(placeholder)) continue;
        chunk.code = chunk.code.replaceAll(placeholder, workerInBuild);
        kept++;
      }
      if (kept !== 1)
        this.error(`expected one chunk that starts the worker with ${workerInSource}, found ${kept}`);
    },
  };
}

export default defineConfig({
  plugins: [keepWorkerUrl(), wgslPlugin()],
  publicDir: false,
  build: {
    outDir: "dist/lib",
    target: "es2022",
    license: { fileName: "licenses.md" },
    lib: {
      entry: { index: "src/runtime/index.ts", worker: "src/runtime/worker.ts" },
      formats: ["es"],
    },
    rolldownOptions: {
      checks: { pluginTimings: false },
      // All files in one folder: the worker's address is relative to whichever chunk starts it.
      output: { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
    },
  },
});
