/** Builds carry WGSL without its comments and indentation: they are a good part of its size. */

import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

/** WGSL has no string literals, so whatever looks like a comment is one. */
export function stripWgsl(source: string): string {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, " ")
    .replace(/\/\/.*$/gm, "")
    .replace(/^[ \t]+|[ \t]+$/gm, "")
    .replace(/\n{2,}/g, "\n")
    .trim();
}

export function wgslPlugin(): Plugin {
  return {
    name: "omnitab:wgsl",
    apply: "build",
    enforce: "pre",
    load(id) {
      if (!id.endsWith(".wgsl?raw")) return null;
      const source = readFileSync(id.slice(0, -"?raw".length), "utf8");
      return { code: `export default ${JSON.stringify(`${stripWgsl(source)}\n`)};`, moduleType: "js" };
    },
  };
}
