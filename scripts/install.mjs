// @ts-check
/** Installs the dependencies when they are missing or differ from the lock file. Plain Node, no packages. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

export const root = path.resolve(
  import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname),
  "..",
);

/** Oldest Node that the development tools run on: [major, minor]. */
const oldestNode = [20, 19];

/**
 * What differs between the lock file and what npm recorded as installed, as one line; undefined if nothing does.
 * A package that is optional may be missing: npm leaves out what is for another platform.
 *
 * @param {string} projectDir
 * @returns {string | undefined}
 */
export function staleReason(projectDir) {
  const recordFile = path.join(projectDir, "node_modules", ".package-lock.json");
  if (!existsSync(recordFile)) return "not installed yet";
  /** @type {(file: string) => Record<string, { version?: string, optional?: boolean, devOptional?: boolean }>} */
  const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
  const installed = packages(recordFile);
  for (const [name, wanted] of Object.entries(packages(path.join(projectDir, "package-lock.json")))) {
    if (name === "") continue;
    const found = installed[name];
    if (found ? found.version !== wanted.version : !wanted.optional && !wanted.devOptional)
      return `${name.replace(/^.*node_modules\//, "")} is ${found?.version ?? "missing"}, the lock file says ${wanted.version}`;
  }
  return undefined;
}

/** Leaves with a message if Node is too old or the packages cannot be installed. */
export function ensureDependencies() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`OmniTab needs Node ${oldestNode.join(".")} or newer; this is ${process.versions.node}.`);
    process.exit(1);
  }
  const reason = staleReason(root);
  if (!reason) return;
  console.log(`Installing dependencies (${reason}) …`);
  // Under `npm start` npm says where it is itself; a plain `node scripts/start.mjs` looks for it in the path.
  const npm = process.env.npm_execpath;
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const options = /** @type {const} */ ({ cwd: root, stdio: "inherit" });
  const result = npm?.endsWith("js")
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
  if (result.status === 0 && !staleReason(root)) return;
  console.error(
    [
      "",
      `Could not install the dependencies: ${result.error?.message ?? `npm ci ended with ${result.status ?? result.signal}`}.`,
      "They come from the npm registry that npm is set up for. Check that this machine is online (and npm's",
      "`registry` and proxy settings if you use a mirror), then try again. `npm ci` shows the details.",
    ].join("\n"),
  );
  process.exit(1);
}
