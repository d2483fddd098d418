import { afterEach, describe, expect, test, vi } from "vitest";
import { BufferArena } from "./buffers.ts";
import { openGpu } from "./device.ts";
import { Recording } from "./recording.ts";

afterEach(() => vi.restoreAllMocks());

describe("opening an adapter", () => {
  test("facts agree with the device, and features can be left out", async () => {
    const gpu = await openGpu();
    expect(gpu.f16).toBe(gpu.device.features.has("shader-f16"));
    expect(gpu.subgroups !== undefined).toBe(gpu.device.features.has("subgroups"));
    expect(gpu.maxBindingBytes).toBe(gpu.device.limits.maxStorageBufferBindingSize);
    expect(gpu.name).not.toBe("");
    const plain = await openGpu({ disableF16: true, disableSubgroups: true, maxBindingBytes: 4096 });
    expect(plain).toMatchObject({ f16: false, subgroups: undefined, maxBindingBytes: 4096 });
    expect(plain.device.features.has("shader-f16")).toBe(false);
    gpu.device.destroy();
    plain.device.destroy();
    expect(await gpu.lost).toBe("destroyed");
  });

  test("no adapter", async () => {
    vi.spyOn(navigator.gpu, "requestAdapter").mockResolvedValue(null);
    await expect(openGpu()).rejects.toMatchObject({ code: "unsupported_adapter", param: "adapter" });
  });

  test("an adapter that is too small is refused by the name of its limit", async () => {
    const adapter = await navigator.gpu.requestAdapter();
    const limits = new Proxy(adapter!.limits, {
      get: (target, key) =>
        key === "maxComputeInvocationsPerWorkgroup" ? 128 : Reflect.get(target, key, target),
    });
    vi.spyOn(navigator.gpu, "requestAdapter").mockResolvedValue({ limits, features: new Set() } as never);
    await expect(openGpu()).rejects.toMatchObject({
      param: "maxComputeInvocationsPerWorkgroup",
      message: expect.stringContaining("128"),
    });
  });

  test("a device that the browser refuses", async () => {
    vi.spyOn(GPUAdapter.prototype, "requestDevice").mockRejectedValue(new TypeError("too many devices"));
    await expect(openGpu()).rejects.toMatchObject({
      param: "device",
      message: expect.stringContaining("too many"),
    });
  });
});

describe("recordings", () => {
  const source = `
    override add: u32 = 0u;
    @group(0) @binding(0) var<storage, read_write> out: array<u32>;
    @compute @workgroup_size(1)
    fn main(@builtin(workgroup_id) id: vec3u) { out[id.x] += id.x + add; }`;

  test("are replayed at the step's size; equal kernels share a pipeline", async () => {
    const gpu = await openGpu();
    const arena = new BufferArena(gpu, "test");
    const out = arena.tensor("out", "u32", [8]);
    const recording = new Recording(gpu, out, { tokens: 8, outputs: 0 });
    const call = {
      label: "add",
      source,
      bindings: [out],
      workgroups: ({ tokens }: { tokens: number }) => [tokens] as const,
    };
    recording.dispatch({ ...call, constants: { add: 10 } });
    recording.dispatch({ ...call, label: "again", constants: { add: 10 } });
    recording.dispatch({ ...call, label: "never", constants: { add: 1 }, workgroups: () => [0] });
    expect(gpu.pipelines.size).toBe(2);
    await recording.compile();
    const staging = gpu.device.createBuffer({
      size: 32,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    recording.encode(pass, { tokens: 3, outputs: 0 });
    expect(() => recording.encode(pass, { tokens: 9, outputs: 0 })).toThrow(/exceeds/);
    pass.end();
    encoder.copyBufferToBuffer(out.buffer, 0, staging, 0, 32);
    gpu.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    expect([...new Uint32Array(staging.getMappedRange())]).toEqual([20, 22, 24, 0, 0, 0, 0, 0]);
    expect(arena.sizeBytes).toBe(32);
    arena.destroy();
    expect(arena.sizeBytes).toBe(0);
    gpu.device.destroy();
  });

  test("a kernel that does not compile is named with the line", async () => {
    const gpu = await openGpu();
    gpu.device.addEventListener("uncapturederror", (event) => event.preventDefault());
    const broken = { label: "broken", source: "@compute @workgroup_size(1)\nfn main() { nothing(); }" };
    await expect(gpu.pipelines.get(broken)).rejects.toThrow(/Kernel broken does not compile: 2:/);
    gpu.device.destroy();
  });

  test("a tensor beyond the binding limit is refused before it is made", async () => {
    const gpu = await openGpu({ maxBindingBytes: 1024 });
    const arena = new BufferArena(gpu, "test");
    expect(() => arena.tensor("big", "f32", [257])).toThrow(/test: big needs 1040 bytes/);
    expect(arena.tensor("half", "f16", [257]).sizeBytes).toBe(528);
    arena.destroy();
    gpu.device.destroy();
  });
});
