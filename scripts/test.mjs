// @ts-check
/**
 * `npm test`: everything, from a fresh clone. `npm test -- [stage …] [filter …] [--adapter swiftshader|lavapipe] [--thorough]`
 *
 *   lint    format, lint and types
 *   unit    Vitest in Node
 *   gpu     Vitest in headless Chromium, on each software adapter
 *   build   the chat page and the library, their sizes, a consumer's types
 *   e2e     Playwright, on each software adapter (builds first)
 *
 * Lavapipe, which compiles slowly, leaves out cases that SwiftShader tests as well; with `--thorough` it does not.
 * Any other word selects test files whose path contains it. Closes with a line of totals.
 */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { describe, probe } from "./adapters.mjs";
import { adapterLaunches, findChrome, lavapipeFile } from "./browsers.mjs";
import { ensureDependencies, root } from "./install.mjs";

const stages = ["lint", "unit", "gpu", "build", "e2e"];
const reports = path.join(root, ".cache/reports");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { adapter: { type: "string" }, thorough: { type: "boolean" } },
});
const filters = positionals.filter((word) => !stages.includes(word));
const chosen = new Set(positionals.filter((word) => stages.includes(word)));
if (chosen.size === 0) for (const stage of filters.length > 0 ? ["unit", "gpu"] : stages) chosen.add(stage);
if (chosen.has("e2e")) chosen.add("build");
if (values.thorough) process.env.OMNITAB_THOROUGH = "1";
if (values.adapter) process.env.OMNITAB_ADAPTER = values.adapter;

const totals = { passed: 0, failed: 0, skipped: 0 };
/** @type {string[]} */
const summary = [];
const startedMs = performance.now();

/** @param {string} name @param {{ passed: number, failed: number, skipped?: number }} counts @param {number} sinceMs */
function count(name, { passed, failed, skipped = 0 }, sinceMs) {
  totals.passed += passed;
  totals.failed += failed;
  totals.skipped += skipped;
  const seconds = ((performance.now() - sinceMs) / 1000).toFixed(1);
  const counts = `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`;
  summary.push(`  ${failed ? "✗" : "✓"} ${name.padEnd(24)} ${counts} (${seconds} s)`);
}

/** @param {string} name */
const heading = (name) => console.log(`\n── ${name} ${"─".repeat(Math.max(3, 70 - name.length))}`);

/** Runs one of the installed tools. @param {string} bin @param {string[]} args @param {Record<string, string>} [env] */
function run(bin, args, env = {}) {
  const options = /** @type {const} */ ({ cwd: root, stdio: "inherit" });
  return spawnSync(process.execPath, [path.join(root, bin), ...args], {
    ...options,
    env: { ...process.env, ...env },
  });
}

/** A step that passes or fails as a whole. @param {string} name @param {string} bin @param {string[]} args */
function check(name, bin, ...args) {
  const sinceMs = performance.now();
  heading(name);
  const ok = run(bin, args).status === 0;
  count(name, { passed: ok ? 1 : 0, failed: ok ? 0 : 1 }, sinceMs);
}

/**
 * Counts what the JSON report of Vitest or Playwright says. A run that failed without a failed test, or that ran none,
 * is one failure.
 *
 * @param {string} name @param {string} file @param {number | null} status @param {(report: any) => Counts} read
 * @returns {Counts}
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 */
function reported(name, file, status, read) {
  const counts = existsSync(file)
    ? read(JSON.parse(readFileSync(file, "utf8")))
    : { passed: 0, failed: 0, skipped: 0 };
  const none = counts.passed + counts.failed === 0 && filters.length === 0;
  if ((status !== 0 && counts.failed === 0) || none) {
    console.error(`${name}: ${none ? "no test ran" : `ended with status ${status}`}`);
    counts.failed++;
  }
  return counts;
}

/** Where a run writes its report; nothing is there yet. @param {string} name */
function reportFile(name) {
  const file = path.join(reports, `${name.replaceAll(/\W+/g, "-")}.json`);
  rmSync(file, { force: true });
  return file;
}

/** @param {string} project @param {string} file of the report */
function vitestArgs(project, file) {
  const args = ["run", "--project", project, "--reporter=default", "--reporter=json"];
  args.push(`--outputFile.json=${file}`);
  if (filters.length > 0) args.push("--passWithNoTests", ...filters);
  return args;
}

/** @param {any} report @returns {Counts} */
const vitestCounts = (report) => ({
  passed: report.numPassedTests,
  failed: report.numFailedTests,
  skipped: report.numPendingTests + report.numTodoTests,
});

function unit() {
  const sinceMs = performance.now();
  heading("unit");
  const file = reportFile("unit");
  const { status } = run("node_modules/vitest/vitest.mjs", vitestArgs("unit", file));
  count("unit", reported("unit", file, status, vitestCounts), sinceMs);
}

/** Runs one of the installed tools; its lines are told apart by a prefix. @param {string} prefix @param {string[]} args @param {Record<string, string>} env */
function runBeside(prefix, args, env) {
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env } });
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => console.log(`${prefix} ${line}`));
  return new Promise((resolve) => child.on("close", resolve));
}

/**
 * GPU tests in several browsers at once: most of the time of software adapters is one thread's, which compiles.
 *
 * @param {string[]} adapters
 */
async function gpu(adapters) {
  heading(`gpu on ${adapters.join(" and ")}`);
  const shards = filters.length > 0 ? 1 : Math.min(2, availableParallelism());
  // What takes longest comes first.
  const jobs = [...adapters].reverse().flatMap((adapter) =>
    Array.from({ length: shards }, (_, i) => ({
      adapter,
      shard: `${i + 1}/${shards}`,
      name: `gpu on ${adapter}${shards > 1 ? ` ${i + 1}/${shards}` : ""}`,
    })),
  );
  const worker = async () => {
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      const sinceMs = performance.now();
      const file = reportFile(job.name);
      const args = [path.join(root, "node_modules/vitest/vitest.mjs"), ...vitestArgs(job.adapter, file)];
      if (shards > 1) args.push(`--shard=${job.shard}`);
      const status = await runBeside(`[${job.name.slice("gpu on ".length)}]`, args, {
        OMNITAB_ADAPTER: job.adapter,
        OMNITAB_SHARD: job.shard.replace("/", "-"),
      });
      count(job.name, reported(job.name, file, status, vitestCounts), sinceMs);
    }
  };
  await Promise.all(Array.from({ length: shards }, worker));
}

/** Makes sure that there is a browser: Debian's package is installed where that needs no questions. */
function ensureBrowser() {
  if (findChrome()) return;
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  const debian = /^ID=debian$/m.test(release);
  if (debian && process.getuid?.() === 0) {
    console.log("No browser found; installing Debian's chromium …");
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    for (const args of [["update"], ["install", "-y", "--no-install-recommends", "chromium"]])
      spawnSync("apt-get", ["-qq", ...args], { stdio: ["ignore", "ignore", "inherit"], env });
    if (findChrome()) return;
    console.error("apt-get could not install chromium.");
  }
  const hint = debian
    ? "run `apt-get install chromium` as root"
    : "install Google Chrome or Chromium (Ubuntu's `chromium` package is only a link to the snap; Chrome's .deb works)";
  console.error(`The GPU and page tests need Chrome or Chromium: ${hint}, or set CHROME to its path.`);
}

/** The adapters to test on, described. Lavapipe is set up where it can be; SwiftShader has to be there. */
async function adapters() {
  heading("adapters");
  const sinceMs = performance.now();
  ensureBrowser();
  const only = process.env.OMNITAB_ADAPTER;
  if (only !== "swiftshader") {
    const setUp = spawnSync("bash", [path.join(root, "scripts/lavapipe/setup.sh")], { stdio: "inherit" });
    if (setUp.status !== 0) {
      rmSync(lavapipeFile, { force: true });
      console.log("lavapipe is not available here: SwiftShader alone is tested, which has no shader-f16.");
    }
  }
  const usable = [];
  let failed = 0;
  for (const adapter of adapterLaunches()) {
    const report = await probe(adapter).catch((error) => {
      console.error(error.message);
      return null;
    });
    console.log(describe(adapter.name, report));
    if (report && (adapter.name !== "lavapipe" || report.f16)) usable.push(adapter.name);
    else if (adapter.name === "lavapipe") {
      rmSync(lavapipeFile, { force: true });
      console.log("lavapipe was set up but does not give shader-f16: left out.");
    }
  }
  const required = only ?? "swiftshader";
  if (!usable.includes(required)) {
    console.error(`The ${required} adapter is missing: a test run without it counts as failed.`);
    failed++;
  }
  count("adapters", { passed: usable.length, failed }, sinceMs);
  return usable;
}

/** Words by which e2e's files are chosen. @param {string} name of the adapter */
function filesFor(name) {
  return filters.length > 0 || name === usable.at(-1) ? filters : onEach;
}

ensureDependencies();
mkdirSync(reports, { recursive: true });
if (chosen.has("lint")) {
  check("format and lint", "node_modules/@biomejs/biome/bin/biome", "check", "--diagnostic-level=error", ".");
  check("types", "node_modules/typescript/bin/tsc", "--noEmit");
}
if (chosen.has("unit")) unit();
const usable = chosen.has("gpu") || chosen.has("e2e") ? await adapters() : [];
if (chosen.has("gpu")) await gpu(usable);
if (chosen.has("build")) check("build", "scripts/build.mjs");
/** What the page does depends on no adapter: all of it runs on the last one, which is the fastest. */
const onEach = ["embed", "openai", "speech", "nowebgpu"];
if (chosen.has("e2e"))
  for (const adapter of usable) {
    const name = `e2e on ${adapter}`;
    const sinceMs = performance.now();
    heading(name);
    const file = reportFile(name);
    const args = ["test", "-c", "e2e/playwright.config.ts", ...filesFor(adapter)];
    const env = { OMNITAB_ADAPTER: adapter, PLAYWRIGHT_JSON_OUTPUT_FILE: file };
    const { status } = run("node_modules/playwright/cli.js", args, env);
    const counts = reported(name, file, status, ({ stats }) => ({
      passed: stats.expected,
      failed: stats.unexpected + stats.flaky,
      skipped: stats.skipped,
    }));
    count(name, counts, sinceMs);
  }

heading(`in ${((performance.now() - startedMs) / 60_000).toFixed(1)} minutes`);
console.log(summary.join("\n"));
const { passed, failed, skipped } = totals;
console.log(`\n${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 ? 1 : 0;
