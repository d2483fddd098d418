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
import { MediaEncoder } from "./mediaEncoder.ts";

/** A projector of which the header is known. */
export interface OpenedProjector {
  header: GgufHeader;
  spec: ProjectorSpec;
  sizeBytes: number | undefined;
  /**
   * Loads the weights and compiles the kernels.
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
 * @throws OmniError `bad_model_file`, `unsupported_model`, `download_failed`, `aborted`
 */
export async function openProjector(
  source: string | URL | Blob,
  width: number,
  signal: AbortSignal | undefined,
): Promise<OpenedProjector> {
  const reader = new SourceReader(openSource(source), signal);
  try {
    const header = await readGgufHeader(reader);
    const spec = projectorSpec(header, width);
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
  let encoder: MediaEncoder | undefined;
  let compiled: Promise<unknown> | undefined;
  const weights = await loadWeights({
    ...{ header, reader, requests: spec.tensors, signal, onProgress, device: gpu.device },
    limits: { maxBindingBytes: gpu.maxBindingBytes, maxBufferBytes: gpu.maxBufferBytes },
    onAllocated: async (allocated) => {
      const models = spec.build(gpu, allocated);
      const runners = await withinMemory(
        gpu,
        () => ({
          image: models.image && new ImageRunner(gpu, models.image),
          audio: models.audio && new AudioRunner(gpu, models.audio),
        }),
        `The GPU has no room for the encoders beside ${allocated.sizeBytes} bytes of their weights.`,
        "projector",
      );
      compiled = Promise.all([runners.image?.compile(), runners.audio?.compile()]);
      compiled.catch(() => undefined); // awaited below, once the weights are there
      const settled = () => gpu.device.queue.onSubmittedWorkDone();
      encoder = new MediaEncoder({ ...runners, rows, settled });
    },
  });
  await compiled;
  return { encoder: encoder!, weights };
}
