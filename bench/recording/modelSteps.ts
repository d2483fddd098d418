/** The steps of a model without weights: what the engine really dispatches for one, on a device that is listened to. */

import { ModelRunner, pageSize, type RunnerOptions } from "../../src/runtime/engine/modelRunner.ts";
import { Sequence } from "../../src/runtime/engine/sequence.ts";
import { type Gpu, openGpu } from "../../src/runtime/gpu/device.ts";
import { modelConfig } from "../../src/runtime/models/architectures.ts";
import { decoderTensors, decoderWeights } from "../../src/runtime/models/decoder.ts";
import { SourceReader } from "../../src/runtime/weights/reader.ts";
import type { GgufHeader, LoadedWeights } from "../../src/runtime/weights/types.ts";
import { allocateWeights, type BufferMatrix, matricesOf } from "./allocateWeights.ts";
import { type TappedDispatch, tapGpu } from "./deviceTap.ts";

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
  const gpu = tapGpu(await openGpu(), (dispatch) => dispatches.push(dispatch));
  const config = modelConfig(header);
  const weights = await allocateWeights({
    ...{ header, requests: decoderTensors(config), device: gpu.device },
    reader: new SourceReader({ name: "nothing", sizeBytes: undefined, stream: nothing }),
    limits: { maxBindingBytes: gpu.maxBindingBytes, maxBufferBytes: gpu.maxBufferBytes },
  });
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
      gpu.device.destroy();
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}
