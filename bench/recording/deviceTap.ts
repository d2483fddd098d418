/** Listens to a WebGPU device: every dispatch with its WGSL, constants and buffers, in the order of encoding. */

import type { Gpu } from "../../src/runtime/gpu/device.ts";
import { PipelineCache } from "../../src/runtime/gpu/pipelines.ts";

/** A range of a buffer as a dispatch binds it. */
export interface BoundRange {
  binding: number;
  buffer: GPUBuffer;
  offsetBytes: number;
  sizeBytes: number;
}

/** One dispatch as it was encoded. */
export interface TappedDispatch {
  /** The bind group's, which `Recording` takes from its kernel call: kernel and place. */
  label: string;
  source: string;
  constants: Record<string, number>;
  /** Of group 0, by binding. */
  bindings: readonly BoundRange[];
  workgroups: readonly [number, number, number];
  pipeline: GPUComputePipeline;
  bindGroup: GPUBindGroup;
}

/** The GPU with `onDispatch` called for every dispatch that is encoded on it. */
export function tapGpu(gpu: Gpu, onDispatch: (dispatch: TappedDispatch) => void): Gpu {
  const device = tapDevice(gpu.device, onDispatch);
  return { ...gpu, device, pipelines: new PipelineCache(device) };
}

/** The device with `onDispatch` called for every dispatch that is encoded on it. */
function tapDevice(device: GPUDevice, onDispatch: (dispatch: TappedDispatch) => void): GPUDevice {
  const sources = new WeakMap<GPUShaderModule, string>();
  const kernels = new WeakMap<GPUComputePipeline, { source: string; constants: Record<string, number> }>();
  const groups = new WeakMap<GPUBindGroup, { label: string; bindings: BoundRange[] }>();
  const keep = (pipeline: GPUComputePipeline, { compute }: GPUComputePipelineDescriptor) => {
    const constants = { ...(compute.constants as Record<string, number> | undefined) };
    kernels.set(pipeline, { source: sources.get(compute.module) ?? "", constants });
    return pipeline;
  };

  const tapPass = (pass: GPUComputePassEncoder) => {
    let pipeline: GPUComputePipeline | undefined;
    let bindGroup: GPUBindGroup | undefined;
    return override(pass, {
      setPipeline: (next: GPUComputePipeline) => {
        pipeline = next;
        pass.setPipeline(next);
      },
      setBindGroup: (index: number, group: GPUBindGroup) => {
        if (index === 0) bindGroup = group;
        pass.setBindGroup(index, group);
      },
      dispatchWorkgroups: (x: number, y = 1, z = 1) => {
        pass.dispatchWorkgroups(x, y, z);
        if (!pipeline || !bindGroup) return;
        const workgroups = [x, y, z] as const;
        onDispatch({ ...kernels.get(pipeline)!, ...groups.get(bindGroup)!, workgroups, pipeline, bindGroup });
      },
      dispatchWorkgroupsIndirect: () => {
        throw new Error("An indirect dispatch: its workgroups are unknown here.");
      },
    });
  };
  const tapEncoder = (encoder: GPUCommandEncoder) =>
    override(encoder, {
      beginComputePass: (descriptor?: GPUComputePassDescriptor) =>
        tapPass(encoder.beginComputePass(descriptor)),
    });
  return override(device, {
    createShaderModule: (descriptor: GPUShaderModuleDescriptor) => {
      const module = device.createShaderModule(descriptor);
      sources.set(module, descriptor.code);
      return module;
    },
    createComputePipeline: (descriptor: GPUComputePipelineDescriptor) =>
      keep(device.createComputePipeline(descriptor), descriptor),
    createComputePipelineAsync: async (descriptor: GPUComputePipelineDescriptor) =>
      keep(await device.createComputePipelineAsync(descriptor), descriptor),
    createBindGroup: (descriptor: GPUBindGroupDescriptor) => {
      const group = device.createBindGroup(descriptor);
      groups.set(group, { label: descriptor.label ?? "", bindings: [...descriptor.entries].map(range) });
      return group;
    },
    createCommandEncoder: (descriptor?: GPUCommandEncoderDescriptor) =>
      tapEncoder(device.createCommandEncoder(descriptor)),
  });
}

function range({ binding, resource }: GPUBindGroupEntry): BoundRange {
  if (!("buffer" in resource)) throw new Error(`Binding ${binding} is no range of a buffer.`);
  const { buffer, offset = 0, size = buffer.size - offset } = resource;
  return { binding, buffer, offsetBytes: offset, sizeBytes: size };
}

/** `target` with some methods replaced. Its other methods run on the target itself: WebGPU's objects insist on that. */
function override<T extends object>(target: T, methods: Record<string, unknown>): T {
  return new Proxy(target, {
    get(_, key) {
      if (typeof key === "string" && Object.hasOwn(methods, key)) return methods[key];
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (_, key, value) => Reflect.set(target, key, value, target),
  });
}
