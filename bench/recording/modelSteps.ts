/** The steps of a model without weights: what the engine really dispatches for one, on a device that is listened to. */

import { ModelRunner, type RunnerOptions } from "../../src/runtime/engine/modelRunner.ts";
import { CachedSequence } from "../../src/runtime/engine/pages.ts";
import { type Gpu, openGpu } from "../../src/runtime/gpu/device.ts";
import { PipelineCache } from "../../src/runtime/gpu/pipelines.ts";
import { modelConfig } from "../../src/runtime/models/architectures.ts";
import { decoderTensors, decoderWeights } from "../../src/runtime/models/decoder.ts";
import { loadWeights } from "../../src/runtime/weights/load.ts";
import { SourceReader } from "../../src/runtime/weights/reader.ts";
import type { GgufHeader, LoadedWeights } from "../../src/runtime/weights/types.ts";
import { type TappedDispatch, tapDevice } from "./deviceTap.ts";

export interface ModelSteps {
  gpu: Gpu;
  /** One token with so many positions cached before it, up to the choice of the next. */
  decode(cachedPositions: number): Promise<TappedDispatch[]>;
  /** So many tokens at the start of a sequence; their logits are not wanted. */
  prefill(tokens: number): Promise<TappedDispatch[]>;
  destroy(): void;
}

/**
 * A model of this header's shape on the adapter at hand, real or fake. Its weights are zeros, or on a real adapter
 * whatever `fill` makes of their buffers.
 */
export async function modelSteps(
  header: GgufHeader,
  options: RunnerOptions,
  fill: (gpu: Gpu, weights: LoadedWeights) => void = () => undefined,
): Promise<ModelSteps> {
  let dispatches: TappedDispatch[] = [];
  const opened = await openGpu();
  const device = tapDevice(opened.device, (dispatch) => dispatches.push(dispatch));
  const gpu: Gpu = { ...opened, device, pipelines: new PipelineCache(device) };
  const config = modelConfig(header);
  const weights = await allocate(gpu, header, decoderTensors(config));
  fill(gpu, weights);
  const runner = new ModelRunner(gpu, config, decoderWeights(config, weights), options);
  await runner.compile();

  const step = async (start: number, tokens: number, run: (sequence: CachedSequence) => Promise<unknown>) => {
    const sequence = new CachedSequence(runner.pages);
    sequence.append(new Array(start + tokens).fill(0));
    dispatches = [];
    await run(sequence);
    sequence.truncate(0);
    return dispatches;
  };
  return {
    gpu,
    decode: (start) =>
      step(start, 1, (sequence) => runner.best({ sequence, tokens: [0], start, outputRows: [0] })),
    prefill: (count) =>
      step(0, count, (sequence) =>
        runner.run({ sequence, tokens: new Array(count).fill(0), start: 0, outputRows: [] }),
      ),
    destroy() {
      runner.destroy();
      weights.destroy();
      opened.device.destroy();
    },
  };
}

/** The buffers of all weights, as loading makes them before it reads the first byte of them. */
function allocate(
  gpu: Gpu,
  header: GgufHeader,
  requests: ReturnType<typeof decoderTensors>,
): Promise<LoadedWeights> {
  const source = { name: "nothing", sizeBytes: undefined, stream: nothing };
  return new Promise((resolve, reject) => {
    const onAllocated = (weights: LoadedWeights) => {
      resolve(weights);
      return new Promise<never>(() => undefined); // loading never goes on
    };
    const limits = { maxBindingBytes: gpu.maxBindingBytes, maxBufferBytes: gpu.maxBufferBytes };
    const reader = new SourceReader(source);
    loadWeights({ header, reader, requests, device: gpu.device, limits, onAllocated }).catch(reject);
  });
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}
