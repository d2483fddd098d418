// @ts-check
/** Packages that a few tools need and nobody else: installed beside the project's own, in `.cache/`. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "./install.mjs";

/**
 * Installs packages unless the first of them is there.
 *
 * @param {string} name of the folder in `.cache/`
 * @param {[string, ...string[]]} packages with their versions (`name@1.2.3`)
 * @returns {string} the folder that has `node_modules`
 */
export function installAside(name, packages) {
  const dir = path.join(root, ".cache", name);
  if (existsSync(path.join(dir, "node_modules", packages[0].replace(/(?<=.)@.*$/, "")))) return dir;
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, "package.json"), "{}");
  execFileSync("npm", ["install", "--no-save", "--ignore-scripts", "--omit=optional", ...packages], {
    cwd: dir,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return dir;
}
