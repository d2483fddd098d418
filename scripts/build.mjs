// @ts-check
/**
 * `npm run build`: the chat page to `dist/app/`, the library with its types to `dist/lib/`, and a check of both.
 * `npm run build -- app` or `lib` builds one of them.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { ensureDependencies, root } from "./install.mjs";

/** All that the chat page loads by itself, models aside, gzipped. */
const appLimitBytes = 165 * 1024;

/**
 * Loaded when a request asks for structured output, for `/completions` or `/metrics`, with a model for speech, to keep caches,
 * with a panel or dialog, or when something is attached, recorded, or shown that was; not a part of that.
 */
const onDemand =
  /^(grammar|cachePersistence|completions|metrics|metricsPanel|dialogs|loadTranscriber|audioTranscriptions|whisperLanguages|decodeAudio|loadProjector|logMel|imageRunner|media|chatMedia|hearing|limits|pcmWorklet)-[\w-]+\.(js|css)$/;

const appDir = path.join(root, "dist/app");
const libDir = path.join(root, "dist/lib");

/** @param {string} configFile */
async function bundle(configFile) {
  const { build } = await import("vite");
  await build({ root, configFile: path.join(root, configFile), logLevel: "warn" });
}

/** @param {string} message */
function fail(message) {
  console.error(`build: ${message}`);
  process.exit(1);
}

/** @param {string[]} args */
function typescript(...args) {
  const { status } = spawnSync(
    process.execPath,
    [path.join(root, "node_modules/typescript/bin/tsc"), ...args],
    {
      cwd: root,
      stdio: "inherit",
    },
  );
  if (status !== 0) fail(`tsc ${args.join(" ")} failed`);
}

/** Writes the `.d.ts` files that the entries reach, importing each other as `.js` as consumers' compilers expect. */
function emitTypes() {
  typescript("-p", "tsconfig.lib.json");
  const typesDir = path.join(libDir, "types");
  const kept = new Set();
  /** @type {(file: string) => void} */
  const keep = (file) => {
    if (kept.has(file)) return;
    kept.add(file);
    const text = readFileSync(file, "utf8").replace(
      /((?:from|import)\s*\(?\s*")(\.[^"]+)\.ts"/g,
      (_, before, target) => {
        keep(path.resolve(path.dirname(file), `${target}.d.ts`));
        return `${before}${target}.js"`;
      },
    );
    writeFileSync(file, text);
  };
  keep(path.join(typesDir, "runtime/index.d.ts"));
  for (const file of filesUnder(typesDir)) if (!kept.has(file)) rmSync(file);
  writeFileSync(path.join(libDir, "index.d.ts"), 'export * from "./types/runtime/index.js";\n');
  writeFileSync(path.join(libDir, "worker.d.ts"), "export {};\n");
}

/** Compiles a program that uses the built package by its name, with nothing but the compiler's own types. */
function checkTypesOfConsumer() {
  const dir = path.join(root, ".cache/consumer");
  mkdirSync(dir, { recursive: true });
  const program = [
    'import { createOmni, OmniError, type Omni, type OmniOptions } from "omnitab";',
    "const options: OmniOptions = { model: new URL('https://example.org/a.gguf'), onProgress: (p) => p.loadedBytes };",
    "const omni: Omni = await createOmni(options);",
    "const client: { fetch: typeof fetch } = { fetch: omni.fetch };",
    "const wrong: OmniError['code'] | (string & {}) = 'x';",
    "// @ts-expect-error: there is no such option",
    "createOmni({ model: 'a', nothing: 1 });",
    "export { client, wrong };",
  ];
  writeFileSync(path.join(dir, "consumer.ts"), `${program.join("\n")}\n`);
  for (const [module, moduleResolution] of [
    ["esnext", "bundler"],
    ["nodenext", "nodenext"],
  ]) {
    const flags = `--ignoreConfig --noEmit --strict --target es2022 --lib es2022,dom,esnext.disposable --types * --module ${module} --moduleResolution ${moduleResolution}`;
    typescript(...flags.replace("--types * ", "").split(" "), path.join(dir, "consumer.ts"));
  }
}

/** @param {string} dir @returns {string[]} */
function filesUnder(dir) {
  return readdirSync(dir, { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** Prints each file's size, returns the gzipped sum in bytes of all but what is loaded on demand. @param {string} dir */
function reportSizes(dir) {
  const counted = filesUnder(dir).filter((file) =>
    /\.(html|js|css|svg|png|ico|webmanifest|json)$/.test(file),
  );
  const rows = counted.map((file) => {
    const bytes = readFileSync(file);
    return {
      name: path.relative(root, file),
      sizeBytes: bytes.length,
      gzipBytes: gzipSync(bytes, { level: 9 }).length,
    };
  });
  rows.sort((a, b) => b.gzipBytes - a.gzipBytes);
  /** @type {(row: { name: string }) => boolean} */
  const isOnDemand = ({ name }) => onDemand.test(path.basename(name));
  const totalBytes = rows.reduce((sum, row) => sum + (isOnDemand(row) ? 0 : row.gzipBytes), 0);
  /** @type {(sizeBytes: number) => string} */
  const kilobytes = (sizeBytes) => `${(sizeBytes / 1024).toFixed(1)} KB`.padStart(10);
  for (const { name, sizeBytes, gzipBytes } of rows)
    console.log(`  ${name.padEnd(44)}${kilobytes(sizeBytes)}  gzip${kilobytes(gzipBytes)}`);
  console.log(
    `  ${"in all, but for what is loaded on demand".padEnd(44)}${" ".repeat(10)}  gzip${kilobytes(totalBytes)}`,
  );
  return totalBytes;
}

ensureDependencies();
const only = process.argv[2];
if (only !== "lib") {
  await bundle("vite.config.ts");
  const sizeBytes = reportSizes(appDir);
  if (sizeBytes > appLimitBytes)
    fail(
      `the chat page is ${(sizeBytes / 1024).toFixed(1)} KB gzipped; ${appLimitBytes / 1024} KB is the limit`,
    );
}
if (only !== "app") {
  await bundle("vite.lib.config.ts");
  emitTypes();
  for (const name of ["index.js", "index.d.ts", "worker.js", "worker.d.ts"])
    if (!existsSync(path.join(libDir, name))) fail(`dist/lib/${name} was not written`);
  checkTypesOfConsumer();
  reportSizes(libDir);
}
