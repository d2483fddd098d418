/** WebGPU without a GPU, for recording in Node what a model would dispatch on one. Computes nothing. */

/** What has been written to each buffer so far; the rest of it is zeros. */
export const writtenBytes = new WeakMap<GPUBuffer, Uint8Array>();

/** As Chromium names them. */
export type AmdArchitecture = "gcn-5" | "rdna-2" | "rdna-3";

/** A discrete GPU of the kind that untuned defaults are for. */
const limits = {
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupSizeX: 1024,
  maxComputeWorkgroupSizeY: 1024,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupStorageSize: 32_768,
  maxComputeWorkgroupsPerDimension: 65_535,
  maxStorageBuffersPerShaderStage: 10,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
  maxUniformBufferBindingSize: 65_536,
  maxBufferSize: 2 ** 32,
  maxBindGroups: 4,
  minStorageBufferOffsetAlignment: 256,
  minUniformBufferOffsetAlignment: 256,
};
const features = ["shader-f16", "subgroups"];
const info = (architecture: AmdArchitecture) => ({
  ...{ vendor: "amd", architecture, device: "", description: "a GPU that is not there" },
  ...{ subgroupMinSize: architecture === "gcn-5" ? 64 : 32, subgroupMaxSize: 64, isFallbackAdapter: false },
});
const languageFeatures = [
  "packed_4x8_integer_dot_product",
  "pointer_composite_access",
  "readonly_and_readwrite_storage_textures",
  "subgroup_id",
  "subgroup_uniformity",
  "unrestricted_pointer_parameters",
];

/** Flags as in the specification (WebGPU, "GPUBufferUsage" and "GPUMapMode"). */
const flags = {
  GPUBufferUsage: {
    ...{ MAP_READ: 1, MAP_WRITE: 2, COPY_SRC: 4, COPY_DST: 8, INDEX: 16, VERTEX: 32 },
    ...{ UNIFORM: 64, STORAGE: 128, INDIRECT: 256, QUERY_RESOLVE: 512 },
  },
  GPUMapMode: { READ: 1, WRITE: 2 },
  GPUShaderStage: { VERTEX: 1, FRAGMENT: 2, COMPUTE: 4 },
};

const nothing = () => undefined;
const never = () => new Promise<never>(nothing);

function buffer({ label = "", size, usage }: GPUBufferDescriptor) {
  return {
    ...{ label, size, usage, mapState: "unmapped", unmap: nothing, destroy: nothing },
    mapAsync: async () => undefined,
    getMappedRange: (offset = 0, length = size - offset) => new ArrayBuffer(length),
  };
}

function writeBuffer(
  target: GPUBuffer,
  offset: number,
  data: ArrayBuffer | ArrayBufferView,
  dataOffset = 0,
  size?: number,
): void {
  // As in WebGPU, the last two count elements of a typed array, else bytes.
  const view = ArrayBuffer.isView(data) ? data : new Uint8Array(data);
  const unit = "BYTES_PER_ELEMENT" in view ? (view.BYTES_PER_ELEMENT as number) : 1;
  const start = view.byteOffset + dataOffset * unit;
  const bytes = new Uint8Array(
    view.buffer,
    start,
    size === undefined ? view.byteLength - dataOffset * unit : size * unit,
  );
  const before = writtenBytes.get(target) ?? new Uint8Array();
  const written = new Uint8Array(Math.max(before.length, offset + bytes.length));
  written.set(before);
  written.set(bytes, offset);
  writtenBytes.set(target, written);
}

function device() {
  const layout = {};
  const pipeline = (descriptor: GPUComputePipelineDescriptor) => ({
    label: descriptor.label ?? "",
    getBindGroupLayout: () => layout,
  });
  const pass = () => ({
    ...{ setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing, end: nothing },
    ...{ pushDebugGroup: nothing, popDebugGroup: nothing },
  });
  return {
    limits,
    features: new Set(features),
    lost: never(),
    queue: { writeBuffer, submit: nothing, onSubmittedWorkDone: async () => undefined },
    createBuffer: buffer,
    createShaderModule: () => ({ getCompilationInfo: async () => ({ messages: [] }) }),
    createComputePipeline: pipeline,
    createComputePipelineAsync: async (descriptor: GPUComputePipelineDescriptor) => pipeline(descriptor),
    createBindGroup: () => ({}),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createQuerySet: () => ({ destroy: nothing }),
    createCommandEncoder: () => ({
      ...{ copyBufferToBuffer: nothing, clearBuffer: nothing, resolveQuerySet: nothing, finish: () => ({}) },
      beginComputePass: pass,
    }),
    pushErrorScope: nothing,
    popErrorScope: async () => null,
    addEventListener: nothing,
    removeEventListener: nothing,
    destroy: nothing,
  };
}

/** Puts `navigator.gpu` and WebGPU's flags in place, as a browser has them. */
export function installFakeWebGpu(architecture: AmdArchitecture = "rdna-3"): void {
  const adapter = {
    ...{ limits, features: new Set(features), info: info(architecture) },
    requestDevice: async () => device(),
  };
  const gpu = { requestAdapter: async () => adapter, wgslLanguageFeatures: new Set(languageFeatures) };
  const define = (name: string, value: unknown) =>
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  define("navigator", { gpu });
  for (const [name, value] of Object.entries(flags)) define(name, value);
}
