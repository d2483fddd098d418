/** What compiling for absent GPUs needs: Mesa's drivers, a C compiler, and Dawn for Node in the project's cache. */

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "../../scripts/install.mjs";

export const cacheDir = path.join(root, ".cache/bench/isa");
const drivers = "/usr/share/vulkan/icd.d";

export interface IsaTools {
  /** The `webgpu` package: Dawn as a Node module. */
  dawn: string;
  /** Environment under which Dawn finds RADV's null device for a chip and has the compiler report. */
  compilerEnv(family: string): Record<string, string>;
  /** Environment under which Dawn finds Mesa's software adapter. */
  softwareEnv: Record<string, string>;
  /** Compiler and translator: part of what a cached result depends on. */
  version: string;
}

/** @throws Error that says what is missing and cannot be installed */
export function setUpIsa(): IsaTools {
  const isReady = () => manifest("radeon") && manifest("lvp") && spawnSync("cc", ["--version"]).status === 0;
  if (!isReady()) installDebianPackages();
  const radeon = manifest("radeon");
  const software = manifest("lvp");
  if (!radeon || !software)
    throw new Error(`There is no Mesa driver for Radeons and software in ${drivers}.`);
  mkdirSync(cacheDir, { recursive: true });
  const dawn = path.join(cacheDir, "node_modules/webgpu");
  if (!existsSync(dawn)) installDawn();
  const library = JSON.parse(readFileSync(radeon, "utf8")).ICD.library_path as string;
  return {
    dawn,
    compilerEnv: (family) => ({
      VK_DRIVER_FILES: compileOnlyDriver(),
      RADV_LIBRARY: library,
      RADV_FORCE_FAMILY: family,
      RADV_DEBUG: "nocache,shaderstats",
      ACO_DEBUG: "perfinfo",
    }),
    // A kernel runs once, so that compiling it well does not pay.
    softwareEnv: { VK_DRIVER_FILES: software, GALLIVM_PERF: "nopt" },
    version: `${JSON.parse(readFileSync(path.join(dawn, "package.json"), "utf8")).version} ${mesaVersion(radeon)}`,
  };
}

/** The description of a driver by the start of its name. */
function manifest(prefix: string): string | undefined {
  const names = existsSync(drivers) ? readdirSync(drivers) : [];
  const name = names.find((file) => file.startsWith(`${prefix}_icd`) && file.endsWith(".json"));
  return name && path.join(drivers, name);
}

function mesaVersion(file: string): string {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the format is dpkg's own
  const { stdout } = spawnSync("dpkg-query", ["-W", "-f", "${Version}", "mesa-vulkan-drivers"], {
    encoding: "utf8",
  });
  return stdout || String(statSync(file).mtimeMs);
}

function installDebianPackages(): void {
  const packages = ["mesa-vulkan-drivers", "gcc", "libc6-dev"];
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  if (!/^ID=debian$/m.test(release) || process.getuid?.() !== 0)
    throw new Error(
      `Needs Mesa 24 or newer and a C compiler; on Debian: apt-get install ${packages.join(" ")}`,
    );
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", ...packages]])
    spawnSync("apt-get", ["-qq", ...args], { stdio: ["ignore", "ignore", "inherit"], env });
}

function installDawn(): void {
  console.error("Installing Dawn (the `webgpu` package) into .cache …");
  writeFileSync(path.join(cacheDir, "package.json"), '{ "private": true }\n');
  const args = ["install", "--no-audit", "--no-fund", "--loglevel=error", "webgpu"];
  const { status } = spawnSync("npm", args, { cwd: cacheDir, stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error("npm could not install `webgpu`.");
}

/** The driver in front of RADV (see compileOnly.c), built when its source is newer. */
function compileOnlyDriver(): string {
  const source = path.join(root, "bench/isa/compileOnly.c");
  const library = path.join(cacheDir, "compileOnly.so");
  const description = path.join(cacheDir, "compileOnly.json");
  if (
    !existsSync(description) ||
    !existsSync(library) ||
    statSync(library).mtimeMs < statSync(source).mtimeMs
  ) {
    execFileSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], { stdio: "inherit" });
    const ICD = { library_path: library, api_version: "1.3.0" };
    writeFileSync(description, JSON.stringify({ file_format_version: "1.0.0", ICD }));
  }
  return description;
}
