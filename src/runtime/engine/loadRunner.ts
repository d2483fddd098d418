/** Weights from the file to the GPU, and the recorded steps over them; kernels compile while weights arrive. */

import { OmniError } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import type { DecoderConfig } from "../models/config.ts";
import { decoderTensors, decoderWeights } from "../models/decoder.ts";
import { loadWeights } from "../weights/load.ts";
import type { SourceReader } from "../weights/reader.ts";
import type { GgufHeader, LoadedWeights } from "../weights/types.ts";
import { ModelRunner, type RunnerOptions } from "./modelRunner.ts";

export interface LoadRunnerOptions extends RunnerOptions {
  gpu: Gpu;
  header: GgufHeader;
  config: DecoderConfig;
  /** Stands at the end of the header. */
  reader: SourceReader;
  onProgress?: (loadedBytes: number, totalBytes: number) => void;
  /** Sees all weights. */
  onBytes?: ((bytes: Uint8Array) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface LoadedRunner {
  runner: ModelRunner;
  weights: LoadedWeights;
}

/** @throws OmniError as `loadWeights`; `out_of_memory` where cache and activations do not fit */
export async function loadRunner(options: LoadRunnerOptions): Promise<LoadedRunner> {
  const { gpu, config } = options;
  let runner: ModelRunner | undefined;
  let compiled: Promise<void> | undefined;
  const weights = await loadWeights({
    header: options.header,
    reader: options.reader,
    requests: decoderTensors(config),
    device: gpu.device,
    limits: { maxBindingBytes: gpu.maxBindingBytes, maxBufferBytes: gpu.maxBufferBytes },
    signal: options.signal,
    onBytes: options.onBytes,
    ...(options.onProgress && { onProgress: options.onProgress }),
    onAllocated: async (allocated) => {
      const names = decoderWeights(config, allocated);
      runner = await withinMemory(
        gpu,
        () => new ModelRunner(gpu, config, names, options),
        `The GPU has no room for the KV cache and activations beside ${allocated.sizeBytes} bytes of weights. ` +
          "A smaller kvCache.contextLength needs less.",
        "kvCache.contextLength",
      );
      compiled = runner.compile();
      compiled.catch(() => undefined); // awaited below, once the weights are there
    },
  });
  await compiled;
  await runner!.warmUp();
  return { runner: runner!, weights };
}

/** Runs allocations and turns a failed one into an error. @throws OmniError `out_of_memory` with the message */
export async function withinMemory<T>(
  { device }: Gpu,
  allocate: () => T,
  message: string,
  param: string,
): Promise<T> {
  device.pushErrorScope("out-of-memory");
  let value: T;
  try {
    value = allocate();
  } catch (error) {
    void device.popErrorScope();
    throw error;
  }
  const failure = await device.popErrorScope();
  if (failure) throw new OmniError("out_of_memory", `${message} ${failure.message}`, { param });
  return value;
}
