/** The adapter and device: what it can do, what it lacks, and when it is gone. */

import { OmniError } from "../errors.ts";
import { PipelineCache } from "./pipelines.ts";
import { type SubgroupMatrix, subgroupMatrixFeature, subgroupMatrixOf } from "./subgroupMatrix.ts";
import { TuningStore } from "./tuning.ts";

export interface AdapterOptions {
  /** Act as an adapter without `shader-f16`. */
  disableF16?: boolean;
  /** Act as an adapter without `subgroups`. */
  disableSubgroups?: boolean;
  powerPreference?: "high-performance" | "low-power";
  /** Act as an adapter whose storage bindings are at most this large (bytes). */
  maxBindingBytes?: number;
}

/** An open device with the facts that kernels and models decide by. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly pipelines: PipelineCache;
  /** Variants of kernels that were measured on this adapter; empty until it is told to `load`. */
  readonly tuning: TuningStore;
  /** For people: vendor, architecture and device as far as the browser tells. */
  readonly name: string;
  /** Whether the adapter computes on the CPU. */
  readonly software: boolean;
  /** Whether a shift takes its lanes one by one, as SwiftShader's does, which makes it ten times dearer than a product. */
  readonly slowShifts: boolean;
  readonly f16: boolean;
  /** Smallest and largest subgroup of this adapter, where WGSL's `subgroups` is usable. */
  readonly subgroups: { min: number; max: number } | undefined;
  /** Whether `dot4I8Packed` is an instruction of this GPU, as far as the browser tells, and not a dozen of them. */
  readonly integerDots: boolean;
  /** Whether activations are packed as 16-bit integers where weights allow it: a CPU gains nothing by that. */
  readonly packsActivations: boolean;
  /** Matrix units that WGSL can use. */
  readonly subgroupMatrix: SubgroupMatrix | undefined;
  readonly maxBindingBytes: number;
  readonly maxBufferBytes: number;
  readonly maxWorkgroupsPerDimension: number;
  /** Resolves with the reason when the device is gone; never rejects. */
  readonly lost: Promise<string>;
}

/** What every kernel may rely on. */
const neededLimits = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16384,
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
} as const;

/** Limits worth having as large as the adapter allows. */
const wantedLimits = ["maxStorageBufferBindingSize", "maxBufferSize"] as const;

/** Vendors and architectures, as Chromium names them, that have no instruction for the dot product of four bytes. */
const withoutIntegerDots = /^(apple|amd (gcn|rdna-1)|intel gen-([1-9]|11)\b|nvidia (fermi|kepler|maxwell))/;

function adapterName(info: GPUAdapterInfo): string {
  const parts = info.description ? [info.description] : [info.vendor, info.architecture, info.device];
  return parts.filter(Boolean).join(" ") || "unnamed adapter";
}

/**
 * Opens the best adapter with all the features and limits that the kernels can use.
 * @throws OmniError `unsupported_adapter`, naming what is missing
 */
export async function openGpu(options: AdapterOptions = {}): Promise<Gpu> {
  const gpu = globalThis.navigator?.gpu;
  if (!gpu)
    throw new OmniError("unsupported_adapter", "This browser does not offer WebGPU here.", {
      param: "navigator.gpu",
    });
  const adapter = await gpu.requestAdapter({
    powerPreference: options.powerPreference ?? "high-performance",
  });
  if (!adapter)
    throw new OmniError(
      "unsupported_adapter",
      "WebGPU found no adapter: the GPU or its driver is not supported.",
      {
        param: "adapter",
      },
    );
  for (const [limit, needed] of Object.entries(neededLimits) as [keyof typeof neededLimits, number][]) {
    if (adapter.limits[limit] < needed)
      throw new OmniError(
        "unsupported_adapter",
        `The adapter's ${limit} is ${adapter.limits[limit]}; at least ${needed} is needed.`,
        { param: limit },
      );
  }
  const f16 = adapter.features.has("shader-f16") && !options.disableF16;
  const subgroups = adapter.features.has("subgroups") && !options.disableSubgroups;
  const subgroupMatrix = f16 && subgroups ? subgroupMatrixOf(adapter) : undefined;
  const requiredFeatures: GPUFeatureName[] = [];
  if (f16) requiredFeatures.push("shader-f16");
  if (subgroups) requiredFeatures.push("subgroups" as GPUFeatureName);
  if (subgroupMatrix) requiredFeatures.push(subgroupMatrixFeature);
  if (adapter.features.has("timestamp-query")) requiredFeatures.push("timestamp-query");
  const requiredLimits: Record<string, number> = { ...neededLimits };
  for (const limit of wantedLimits) requiredLimits[limit] = adapter.limits[limit];
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  } catch (cause) {
    throw new OmniError("unsupported_adapter", `WebGPU refused a device: ${String(cause)}`, {
      param: "device",
      cause,
    });
  }
  const info = adapter.info;
  const { vendor, architecture, device: deviceId, description, subgroupMinSize, subgroupMaxSize } = info;
  const subgroupSizes = subgroups && [subgroupMinSize, subgroupMaxSize];
  const software =
    info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|software/i.test(adapterName(info));
  return {
    device,
    pipelines: new PipelineCache(device),
    tuning: new TuningStore([
      ...[vendor, architecture, deviceId, description],
      ...[f16, subgroupSizes, subgroupMatrix !== undefined],
    ]),
    name: adapterName(info),
    software,
    // Other software adapters may go by the same name; their vectors are wider.
    slowShifts: software && info.subgroupMaxSize === 4,
    packsActivations: !software,
    f16,
    subgroups: subgroups ? { min: info.subgroupMinSize ?? 4, max: info.subgroupMaxSize ?? 128 } : undefined,
    integerDots: !withoutIntegerDots.test(`${info.vendor} ${info.architecture}`),
    subgroupMatrix,
    maxBindingBytes: Math.min(device.limits.maxStorageBufferBindingSize, options.maxBindingBytes ?? Infinity),
    maxBufferBytes: device.limits.maxBufferSize,
    maxWorkgroupsPerDimension: device.limits.maxComputeWorkgroupsPerDimension,
    lost: device.lost.then(({ reason, message }) =>
      reason === "destroyed" ? "destroyed" : message || "unknown reason",
    ),
  };
}
