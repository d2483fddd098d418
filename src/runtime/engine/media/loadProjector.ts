/** Opens a projector file beside a language model: its header first, its weights when those of the model are there. */

import type { Gpu } from "../../gpu/device.ts";
import { projectorSpec } from "../../models/projector/projectors.ts";
import type { ProjectorSpec } from "../../models/projector/types.ts";
import { readGgufHeader } from "../../weights/gguf.ts";
import { loadWeights } from "../../weights/load.ts";
import { SourceReader } from "../../weights/reader.ts";
import { openSource } from "../../weights/source.ts";
import type { GgufHeader, LoadedWeights } from "../../weights/types.ts";
import { withinMemory } from "../loadRunner.ts";
import type { MediaRows } from "../mediaRows.ts";
import { AudioRunner } from "./audioRunner.ts";
import { ImageRunner } from "./imageRunner.ts";
import { type LazyRunner, MediaEncoder } from "./mediaEncoder.ts";

/** A projector of which the header is known. */
export interface OpenedProjector {
  header: GgufHeader;
  spec: ProjectorSpec;
  sizeBytes: number | undefined;
  /**
   * Loads the weights. Kernels are compiled from then on, or on software adapters when they are first wanted.
   * @throws OmniError as `loadWeights`
   */
  load(options: {
    gpu: Gpu;
    rows: MediaRows;
    signal: AbortSignal | undefined;
    onProgress: (loadedBytes: number, totalBytes: number) => void;
  }): Promise<{ encoder: MediaEncoder; weights: LoadedWeights }>;
  /** In any case. */
  close(): Promise<void>;
}

/**
 * @param width of the language model, D
 * @param deepstackLayers of the language model
 * @throws OmniError `bad_model_file`, `unsupported_model`, `download_failed`, `aborted`
 */
export async function openProjector(
  source: string | URL | Blob,
  width: number,
  signal: AbortSignal | undefined,
  deepstackLayers = 0,
): Promise<OpenedProjector> {
  const reader = new SourceReader(openSource(source), signal);
  try {
    const header = await readGgufHeader(reader);
    const spec = projectorSpec(header, width, deepstackLayers);
    return {
      ...{ header, spec },
      get sizeBytes() {
        return reader.source.sizeBytes;
      },
      load: (options) => load(spec, header, reader, options),
      close: () => reader.close(),
    };
  } catch (thrown) {
    await reader.close();
    throw thrown;
  }
}

async function load(
  spec: ProjectorSpec,
  header: GgufHeader,
  reader: SourceReader,
  { gpu, rows, signal, onProgress }: Parameters<OpenedProjector["load"]>[0],
) {
  const weights = await loadWeights({
    ...{ header, reader, requests: spec.tensors, signal, onProgress, device: gpu.device },
    limits: { maxBindingBytes: gpu.maxBindingBytes, maxBufferBytes: gpu.maxBufferBytes },
  });
  const { image, audio, alignment } = spec.build(weights);
  const lazy = <M, R extends { compile(): Promise<void> }>(model: M | undefined, make: (model: M) => R) =>
    model && lazyRunner(gpu, model, () => make(model));
  const runners = {
    image: lazy(image, (model) => new ImageRunner(gpu, model)),
    audio: lazy(audio, (model) => new AudioRunner(gpu, model)),
  };
  // Software adapters compile for half a minute what many a conversation never asks for.
  if (!gpu.software) for (const runner of Object.values(runners)) runner?.open().catch(() => undefined);
  const settled = () => gpu.device.queue.onSubmittedWorkDone();
  return { encoder: new MediaEncoder({ ...runners, alignment, rows, settled }), weights };
}

/** @param make allocates and starts compiling */
function lazyRunner<M, R extends { compile(): Promise<void> }>(
  gpu: Gpu,
  model: M,
  make: () => R,
): LazyRunner<M, R> {
  let opening: Promise<R> | undefined;
  const open = async () => {
    const message = "The GPU has no room for the encoder of pictures or sounds.";
    const runner = await withinMemory(gpu, make, message, "projector");
    await runner.compile();
    return runner;
  };
  return {
    model,
    open: () => {
      // What failed for want of memory may work later.
      opening ??= open().catch((thrown) => {
        opening = undefined;
        throw thrown;
      });
      return opening;
    },
  };
}
