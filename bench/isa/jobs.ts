/** Runs the compiler and the counting of loops in processes of their own, two at a time, and keeps their results. */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { root } from "../../scripts/install.mjs";
import { type CompilerReport, readCompilerReport } from "./compilerReport.ts";
import {
  countLoops,
  countsStart,
  firstMark,
  loopCount,
  turnsBinding,
  workgroupInvocations,
} from "./instrument.ts";
import { cacheDir, type IsaTools } from "./setup.ts";

export interface KernelSource {
  source: string;
  constants: Record<string, number>;
}

/** A kernel with what it would run on. */
export interface KernelRun extends KernelSource {
  label: string;
  workgroups: readonly [number, number, number];
  bindings: readonly {
    binding: number;
    sizeBytes: number;
    uniform: boolean;
    content: Uint8Array | undefined;
  }[];
}

export type Compiled = { report: CompilerReport } | { error: string };
export type Counted =
  | { workgroupSize: number; turns: Record<32 | 64, number[]>; error?: undefined }
  | { error: string };

const hash = (...parts: unknown[]) =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24);

const workers = 2;

/** Version of what is cached: to be raised when the reading of reports changes. */
const format = 2;

function cached<T>(key: string): T | undefined {
  const file = path.join(cacheDir, "results", `${key}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

function keep(key: string, value: unknown): void {
  mkdirSync(path.join(cacheDir, "results"), { recursive: true });
  writeFileSync(path.join(cacheDir, "results", `${key}.json`), JSON.stringify(value));
}

/** What the compiler makes of each kernel for a chip, in the order of the kernels. */
export async function compileAll(
  tools: IsaTools,
  family: string,
  kernels: readonly KernelSource[],
): Promise<Compiled[]> {
  const keys = kernels.map(({ source, constants }) => hash(format, tools.version, family, source, constants));
  const results = new Map<string, Compiled>();
  const missing = new Map<string, KernelSource>();
  keys.forEach((key, i) => {
    const known = cached<Compiled>(key);
    if (known) results.set(key, known);
    else missing.set(key, kernels[i]!);
  });
  await inParts([...missing], async (jobs) => {
    let rest = jobs;
    while (rest.length > 0) {
      const input = { dawn: tools.dawn, jobs: rest.map(([key, kernel]) => ({ key, ...kernel })) };
      const { stderr } = await run("compile.mjs", tools.compilerEnv(family), input);
      const done = readCompilations(stderr, family);
      if (done.size === 0)
        throw new Error(`The compiler for ${family} does not start: ${stderr.slice(-500)}`);
      for (const [key, result] of done) {
        results.set(key, result);
        keep(key, result);
      }
      rest = rest.filter(([key]) => !done.has(key)); // what stood behind a kernel at which the compiler crashed
    }
  });
  return keys.map((key) => results.get(key)!);
}

/** By key. A kernel that began and did not end has crashed the compiler. */
function readCompilations(text: string, family: string): Map<string, Compiled> {
  const results = new Map<string, Compiled>();
  for (const [, key, body, end, message] of text.matchAll(
    /^@@ begin (\w+)$([\s\S]*?)(?:^@@ (end|failed) \1 ?(.*)$|(?![\s\S]))/gm,
  )) {
    if (end === "end") {
      try {
        results.set(key!, { report: readCompilerReport(body!, firstMark, family) });
      } catch (error) {
        results.set(key!, { error: String(error) });
      }
    } else results.set(key!, { error: end ? JSON.parse(message!) : "the compiler crashed" });
  }
  return results;
}

/** Turns of each kernel's loops on the software adapter, in the order of the kernels. */
export async function countAll(tools: IsaTools, kernels: readonly KernelRun[]): Promise<Counted[]> {
  const contentHash = ({ bindings }: KernelRun) =>
    bindings.map(({ sizeBytes, content }) => [
      sizeBytes,
      content && hash(Buffer.from(content).toString("base64")),
    ]);
  const keys = kernels.map((kernel) =>
    hash(format, tools.version, kernel.source, kernel.constants, kernel.workgroups, contentHash(kernel)),
  );
  const results = new Map<string, Counted>();
  const missing = new Map<string, KernelRun>();
  keys.forEach((key, i) => {
    const known = cached<Counted>(key);
    if (known) results.set(key, known);
    else missing.set(key, kernels[i]!);
  });
  await inParts([...missing], async (jobs) => {
    const input = { dawn: tools.dawn, jobs: jobs.map(([key, kernel]) => countJob(key, kernel)) };
    const { stdout, stderr } = await run("count.mjs", tools.softwareEnv, input);
    for (const line of stdout.split("\n").filter((line) => line.startsWith("{"))) {
      const { key, ...result } = JSON.parse(line);
      results.set(key, result);
      keep(key, result);
    }
    for (const [key] of jobs)
      if (!results.has(key)) results.set(key, { error: `counting crashed: ${stderr.slice(-200)}` });
  });
  return keys.map((key) => results.get(key)!);
}

/** So many workgroups tell how often loops turn; where there are not many more, all run, as some wait for the last. */
const sampledGroups = 512;

function countJob(key: string, kernel: KernelRun) {
  const loops = loopCount(kernel.source);
  // No workgroup has more than 1024 invocations.
  const size = workgroupInvocations(kernel.source, kernel.constants) ?? 1024;
  const groups = kernel.workgroups.reduce((a, b) => a * b, 1);
  const stride = Math.max(1, Math.floor(groups / sampledGroups));
  const slots = Math.ceil(groups / stride) * size;
  return {
    ...{
      key,
      loops,
      slots,
      groups: Math.ceil(groups / stride),
      countsStart,
      countsBinding: turnsBinding,
      waveSizes: [32, 64],
    },
    source: countLoops(kernel.source, slots, stride),
    constants: kernel.constants,
    workgroups: kernel.workgroups,
    bindings: kernel.bindings.map(({ content, ...binding }) => ({
      ...binding,
      content: content && Buffer.from(content).toString("base64"),
    })),
  };
}

/** Jobs of one process: few, so that an interruption loses little. */
const partSize = 6;

/** Shares jobs among as many processes at a time as there are workers. */
async function inParts<T>(jobs: T[], work: (part: T[]) => Promise<void>): Promise<void> {
  const size = Math.min(partSize, Math.ceil(jobs.length / workers));
  const next = async () => {
    for (let part = jobs.splice(0, size); part.length > 0; part = jobs.splice(0, size)) await work(part);
  };
  await Promise.all(Array.from({ length: workers }, next));
}

/** Through files: a compiler that writes faster than a pipe is read would lose text. */
async function run(
  script: string,
  env: Record<string, string>,
  input: unknown,
): Promise<{ stdout: string; stderr: string }> {
  const folder = mkdtempSync(path.join(cacheDir, "run-"));
  const [inputFile, stdoutFile, stderrFile] = ["input", "stdout", "stderr"].map((name) =>
    path.join(folder, name),
  );
  writeFileSync(inputFile!, JSON.stringify(input));
  const files = [openSync(inputFile!, "r"), openSync(stdoutFile!, "w"), openSync(stderrFile!, "w")];
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn(process.execPath, [path.join(root, "bench/isa", script)], {
        env: { ...process.env, ...env },
        stdio: files,
      });
      child.on("error", reject).on("close", () => resolve());
    });
    return { stdout: readFileSync(stdoutFile!, "utf8"), stderr: readFileSync(stderrFile!, "utf8") };
  } finally {
    for (const file of files) closeSync(file);
    rmSync(folder, { recursive: true });
  }
}
