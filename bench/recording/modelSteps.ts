/** The steps of a model without weights: what the engine really dispatches for one, on a device that is listened to. */

import { ModelRunner, pageSize, type RunnerOptions } from "../../src/runtime/engine/modelRunner.ts";
import { Sequence } from "../../src/runtime/engine/sequence.ts";
import { type Gpu, openGpu } from "../../src/runtime/gpu/device.ts";
import { PipelineCache } from "../../src/runtime/gpu/pipelines.ts";
import { modelConfig } from "../../src/runtime/models/architectures.ts";
import { decoderTensors, decoderWeights } from "../../src/runtime/models/decoder.ts";
import { loadWeights } from "../../src/runtime/weights/load.ts";
import { SourceReader } from "../../src/runtime/weights/reader.ts";
import type { GgufHeader, LoadedWeights } from "../../src/runtime/weights/types.ts";
import { type TappedDispatch, tapDevice } from "./deviceTap.ts";

/** How large a matrix is that lies in a buffer: tensors of a file may be joined there, or cut. */
export interface BufferMatrix {
  rows: number;
  columns: number;
}

export interface ModelSteps {
  gpu: Gpu;
  /** Rows for which the activations have room. */
  rowCapacity: number;
  /** What the buffers of weights hold. */
  matrices: ReadonlyMap<GPUBuffer, BufferMatrix>;
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

  const step = async (kind: "decode" | "prefill", start: number, tokens: number) => {
    const prompt = new Array<number>(start + tokens).fill(0);
    const sequence = new Sequence(0, { prompt, maxTokens: 1, endTokens: new Set() });
    sequence.slot = 0;
    sequence.drawSlot = 0;
    for (let page = 0; page < Math.ceil(prompt.length / pageSize); page++) sequence.pages.push(page);
    const entries = [{ sequence, start, count: tokens }];
    const outputs = kind === "decode" ? [{ row: 0, sequence, draw: 0, position: start }] : [];
    dispatches = [];
    await runner.submit({ kind, tokens, entries, outputs });
    return dispatches;
  };
  return {
    gpu,
    matrices: matricesOf(weights),
    rowCapacity: Math.max(runner.chunkTokens, runner.maxRows),
    decode: (cachedPositions) => step("decode", cachedPositions, 1),
    prefill: (tokens) => step("prefill", 0, tokens),
    destroy() {
      runner.destroy();
      weights.destroy();
      opened.device.destroy();
    },
  };
}

function matricesOf({ matrices, joined }: LoadedWeights): Map<GPUBuffer, BufferMatrix> {
  const found = new Map<GPUBuffer, BufferMatrix>();
  for (const { columns, slices } of [...matrices.values(), ...[...joined.values()].flat()])
    for (const { rowCount, planes } of slices) found.set(planes[0]!.buffer, { rows: rowCount, columns });
  return found;
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
