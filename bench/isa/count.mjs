// @ts-check
/**
 * Runs kernels that count the turns of their loops on a software adapter, in a process of its own: `isa.ts` starts it.
 * Jobs come as JSON on the standard input; the counts of each go to the standard output as a line of JSON.
 */

import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

/**
 * @typedef {object} CountJob
 * @property {string} key
 * @property {string} source from `countLoops`
 * @property {Record<string, number>} constants
 * @property {[number, number, number]} workgroups
 * @property {{ binding: number, sizeBytes: number, uniform: boolean, content?: string }[]} bindings
 * @property {number} countsBinding
 * @property {number} loops
 * @property {number} slots
 * @property {number} groups workgroups that count
 * @property {number} countsStart
 * @property {number[]} waveSizes
 */

/** @type {{ dawn: string, jobs: CountJob[] }} */
const { dawn, jobs } = JSON.parse(readFileSync(0, "utf8"));
const { create, globals } = createRequire(import.meta.url)(dawn);
Object.assign(globalThis, globals);
const gpu = create([]);
Object.assign(globalThis, { gpu }); // Dawn's instance must not be collected
const adapter = await gpu.requestAdapter();
const { limits } = adapter;
const device = await adapter.requestDevice({
  requiredFeatures: ["subgroups", "shader-f16"].filter((name) => adapter.features.has(name)),
  requiredLimits: {
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    maxBufferSize: limits.maxBufferSize,
  },
});
/** @type {string[]} */
const errors = [];
device.addEventListener("uncapturederror", (/** @type {any} */ event) => errors.push(event.error.message));

/** @param {CountJob} job */
async function count(job) {
  /** @type {GPUBuffer[]} */
  const buffers = [];
  const make = (/** @type {number} */ size, /** @type {number} */ usage) => {
    const buffer = device.createBuffer({ size: Math.ceil(size / 16) * 16, usage });
    buffers.push(buffer);
    return buffer;
  };
  const { STORAGE, UNIFORM, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
  const module = device.createShaderModule({ code: job.source });
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module, entryPoint: "main", constants: job.constants },
  });
  // A buffer for each binding: what kernels compute is of no interest here, only how often their loops turn.
  const entries = job.bindings.map(({ binding, sizeBytes, uniform, content }) => {
    const size = Math.min(sizeBytes, limits.maxStorageBufferBindingSize);
    const buffer = make(size, (uniform ? UNIFORM : STORAGE) | COPY_DST);
    if (content) {
      const bytes = Buffer.from(content, "base64").subarray(0, size);
      const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
      padded.set(bytes);
      device.queue.writeBuffer(buffer, 0, padded);
    }
    return { binding, resource: { buffer, size } };
  });
  const countsBytes = (job.countsStart + job.loops * job.slots) * 4;
  const counts = make(countsBytes, STORAGE | COPY_SRC);
  const staging = make(countsBytes, COPY_DST | MAP_READ);
  entries.push({ binding: job.countsBinding, resource: { buffer: counts, size: counts.size } });
  const layout = pipeline.getBindGroupLayout(0);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
  pass.dispatchWorkgroups(...job.workgroups);
  pass.end();
  encoder.copyBufferToBuffer(counts, 0, staging, 0, counts.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const words = new Uint32Array(staging.getMappedRange());
  const workgroupSize = words[0] ?? 0;
  const counted = workgroupSize * job.groups;
  const turns = Object.fromEntries(
    job.waveSizes.map((wave) => [
      wave,
      Array.from({ length: job.loops }, (_, loop) => {
        const from = job.countsStart + loop * job.slots;
        return meanPerWave(words.subarray(from, from + counted), workgroupSize, wave);
      }),
    ]),
  );
  staging.unmap();
  for (const buffer of buffers) buffer.destroy();
  if (errors.length > 0) throw new Error(errors.splice(0)[0]);
  return { workgroupSize, turns };
}

/** A wave runs a loop until its last lane leaves it. @type {(counts: Uint32Array, workgroup: number, wave: number) => number} */
function meanPerWave(counts, workgroup, wave) {
  let sum = 0;
  let waves = 0;
  for (let group = 0; group < counts.length; group += workgroup)
    for (let start = group; start < Math.min(group + workgroup, counts.length); start += wave) {
      const end = Math.min(start + wave, group + workgroup, counts.length);
      let most = 0;
      for (let i = start; i < end; i++) most = Math.max(most, /** @type {number} */ (counts[i]));
      sum += most;
      waves++;
    }
  return waves === 0 ? 0 : sum / waves;
}

for (const job of jobs) {
  const result = await count(job).catch((error) => ({ error: String(error) }));
  writeSync(1, `${JSON.stringify({ key: job.key, ...result })}\n`);
}
process.exit(0);
