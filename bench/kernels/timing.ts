/** Times dispatches on a real device. */

import type { Gpu } from "../../src/runtime/gpu/device.ts";

/** What a pass does: as many dispatches as asked for. */
export type Encode = (pass: GPUComputePassEncoder, times: number) => void;

/** A measurement goes on for this long, so that neither clocks nor the submission count. */
const leastMs = 40;
const runs = 3;

/** Milliseconds of one dispatch: the median of three passes of many. By timestamps of the GPU where it has them. */
export class Timer {
  private readonly queries: GPUQuerySet | undefined;
  private readonly resolved: GPUBuffer;
  private readonly staging: GPUBuffer;

  constructor(private readonly gpu: Gpu) {
    const { device } = gpu;
    if (device.features.has("timestamp-query") && !gpu.software)
      this.queries = device.createQuerySet({ type: "timestamp", count: 2 });
    this.resolved = device.createBuffer({
      size: 16,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.staging = device.createBuffer({
      size: 16,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
  }

  async measure(encode: Encode): Promise<number> {
    await this.pass(encode, 1); // drivers finish compiling at first use
    let times = 1;
    let elapsedMs = await this.pass(encode, times);
    while (elapsedMs < leastMs && times < 1 << 16) {
      times = Math.ceil(times * Math.min(16, Math.max(1.5, (1.2 * leastMs) / Math.max(elapsedMs, 1e-3))));
      elapsedMs = await this.pass(encode, times);
    }
    const all = [elapsedMs];
    while (all.length < runs) all.push(await this.pass(encode, times));
    return all.sort((a, b) => a - b)[runs >> 1]! / times;
  }

  destroy(): void {
    this.queries?.destroy();
    this.resolved.destroy();
    this.staging.destroy();
  }

  private async pass(encode: Encode, times: number): Promise<number> {
    const { device } = this.gpu;
    const encoder = device.createCommandEncoder();
    const querySet = this.queries;
    const pass = encoder.beginComputePass(
      querySet && {
        timestampWrites: { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
      },
    );
    encode(pass, times);
    pass.end();
    if (querySet) {
      encoder.resolveQuerySet(querySet, 0, 2, this.resolved, 0);
      encoder.copyBufferToBuffer(this.resolved, 0, this.staging, 0, 16);
    }
    const commands = encoder.finish();
    const startMs = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    const elapsedMs = performance.now() - startMs;
    if (!querySet) return elapsedMs;
    await this.staging.mapAsync(GPUMapMode.READ);
    const [begin = 0n, end = 0n] = new BigUint64Array(this.staging.getMappedRange());
    this.staging.unmap();
    return end > begin ? Number(end - begin) / 1e6 : elapsedMs;
  }
}

const copyWgsl = `
@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> copy: array<vec4<u32>>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * 256u + local;
  if (i < arrayLength(&copy)) {
    copy[i] = source[i];
  }
}
`;

/** A kernel that moves so many bytes in all: half of them read, half written, in whole 16-byte words. */
export async function copyKernel(gpu: Gpu, bytes: number): Promise<{ encode: Encode; destroy(): void }> {
  const { device } = gpu;
  const words = Math.max(1, Math.ceil(bytes / 32));
  const buffers = [0, 1].map(() => device.createBuffer({ size: words * 16, usage: GPUBufferUsage.STORAGE }));
  const pipeline = await gpu.pipelines.get({ label: "copy", source: copyWgsl });
  const bindGroup = device.createBindGroup({
    label: "copy",
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const groups = Math.ceil(words / 256);
  const y = Math.ceil(groups / 65_535);
  return {
    encode(pass, times) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      for (let i = 0; i < times; i++) pass.dispatchWorkgroups(Math.ceil(groups / y), y);
    },
    destroy() {
      for (const buffer of buffers) buffer.destroy();
    },
  };
}
