// @ts-check
/**
 * Compiles kernels with Dawn and the Vulkan driver at hand, in a process of its own: `isa.ts` starts it with RADV's
 * null device. Jobs come as JSON on the standard input; what the compiler says about each is on the standard error,
 * between lines of markers.
 */

import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

/** @type {{ dawn: string, jobs: { key: string, source: string, constants: Record<string, number> }[] }} */
const { dawn, jobs } = JSON.parse(readFileSync(0, "utf8"));
const { create, globals } = createRequire(import.meta.url)(dawn);
Object.assign(globalThis, globals);
// Kept in a global: Dawn's instance must not be collected. Unsafe APIs are subgroup matrices here.
const gpu = create(["enable-dawn-features=allow_unsafe_apis"]);
Object.assign(globalThis, { gpu });

/** @type {(line: string) => void} */
const mark = (line) => void writeSync(2, `\n@@ ${line}\n`);
const adapter = await gpu.requestAdapter();
if (!adapter) {
  mark("no adapter");
  process.exit(1);
}
const wanted = ["subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"];
const requiredLimits = Object.fromEntries(
  [
    "maxComputeInvocationsPerWorkgroup",
    "maxComputeWorkgroupSizeX",
    "maxComputeWorkgroupStorageSize",
    "maxStorageBuffersPerShaderStage",
  ].map((name) => [name, adapter.limits[name]]),
);
const device = await adapter.requestDevice({
  requiredFeatures: wanted.filter((name) => adapter.features.has(name)),
  requiredLimits,
});
for (const { key, source, constants } of jobs) {
  mark(`begin ${key}`);
  try {
    const module = device.createShaderModule({ code: source });
    await device.createComputePipelineAsync({
      layout: "auto",
      compute: { module, entryPoint: "main", constants },
    });
    mark(`end ${key}`);
  } catch (error) {
    mark(`failed ${key} ${JSON.stringify(String(error))}`);
  }
}
process.exit(0);
