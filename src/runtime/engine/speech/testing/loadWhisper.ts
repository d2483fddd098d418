/** A model of random weights on a GPU, and its reference. */

import type { Gpu } from "../../../gpu/device.ts";
import type { WeightType } from "../../../gpu/tensor.ts";
import { configOfSizes } from "../../../models/whisper/config.ts";
import { WhisperRef } from "../../../models/whisper/testing/whisper.ref.ts";
import { whisperRequests, whisperWeights } from "../../../models/whisper/weights.ts";
import { BlobSource } from "../../../weights/blobSource.ts";
import { dequantize } from "../../../weights/dequantize.ts";
import { loadWeights } from "../../../weights/load.ts";
import { SourceReader } from "../../../weights/reader.ts";
import { quantize } from "../../../weights/testing/quantize.ts";
import { ggmlTensorType, whisperGgmlFile, whisperTensors } from "../../../weights/testing/whisperFiles.ts";
import { readWhisperGgml, type WhisperSizes } from "../../../weights/whisperGgml.ts";
import { WhisperRunner } from "../whisperRunner.ts";

export async function loadWhisper(gpu: Gpu, sizes: WhisperSizes, type: WeightType) {
  const tensors = whisperTensors(sizes);
  const source = new BlobSource(new Blob([whisperGgmlFile(sizes, type, tensors)]));
  const header = await readWhisperGgml(source);
  const config = configOfSizes(header.sizes);
  const reader = new SourceReader(source);
  const loaded = await loadWeights({ header, reader, requests: whisperRequests(config), device: gpu.device });
  await reader.close();
  const runner = new WhisperRunner(gpu, config, whisperWeights(config, loaded));
  await runner.compile();
  const weights = new Map(
    tensors.map((tensor) => {
      const own = ggmlTensorType(tensor, type);
      const values = dequantize(own, quantize(own, tensor.values), tensor.values.length);
      return [tensor.name, { shape: tensor.shape, values }];
    }),
  );
  const reference = new WhisperRef(weights, { audio: sizes.audioHeads, text: sizes.textHeads });
  const destroy = () => {
    runner.destroy();
    loaded.destroy();
  };
  return { runner, reference, destroy };
}
