/** Our encoders with random weights on a GPU, as recordings. */

import { BufferArena } from "../../src/runtime/gpu/buffers.ts";
import type { Gpu } from "../../src/runtime/gpu/device.ts";
import { Recording, type StepSize } from "../../src/runtime/gpu/recording.ts";
import { type Tensor, type WeightType, weightFormats } from "../../src/runtime/gpu/tensor.ts";
import { projectorSpec } from "../../src/runtime/models/projector/projectors.ts";
import { configOfSizes } from "../../src/runtime/models/whisper/config.ts";
import { encoderState, recordEncoder } from "../../src/runtime/models/whisper/encoder.ts";
import { whisperRequests, whisperWeights } from "../../src/runtime/models/whisper/weights.ts";
import { BlobSource } from "../../src/runtime/weights/blobSource.ts";
import { readGgufHeader } from "../../src/runtime/weights/gguf.ts";
import { type LoadWeightsOptions, loadWeights } from "../../src/runtime/weights/load.ts";
import { SourceReader } from "../../src/runtime/weights/reader.ts";
import { writeGguf } from "../../src/runtime/weights/testing/ggufWriter.ts";
import { quantize } from "../../src/runtime/weights/testing/quantize.ts";
import { whisperGgmlFile } from "../../src/runtime/weights/testing/whisperFiles.ts";
import type { LoadedWeights } from "../../src/runtime/weights/types.ts";
import { readWhisperGgml } from "../../src/runtime/weights/whisperGgml.ts";
import {
  type EncoderName,
  siglip,
  siglipPixels,
  siglipTensors,
  whisperSamples,
  whisperTiny,
} from "./shapes.ts";

export interface OwnEncoder {
  step: StepSize;
  recording: Recording;
  weights: LoadedWeights;
  input: { tensor: Tensor; values: ArrayBufferView<ArrayBuffer> };
  out: Tensor;
}

type Load = (options: LoadWeightsOptions) => Promise<LoadedWeights>;

/**
 * Opens an encoder whose weights have this type, and compiles its kernels.
 * @param load brings the weights to the GPU, or only makes their buffers
 */
export async function openEncoder(
  gpu: Gpu,
  name: EncoderName,
  type: WeightType,
  load: Load = loadWeights,
): Promise<OwnEncoder> {
  const encoder = await { "whisper-tiny": openWhisper, "siglip-b16": openSiglip }[name](gpu, type, load);
  const { tokens, outputs } = encoder.step;
  gpu.device.queue.writeBuffer(encoder.recording.step.buffer, 0, Uint32Array.of(tokens, outputs));
  await encoder.recording.compile();
  return encoder;
}

async function openWhisper(gpu: Gpu, type: WeightType, load: Load): Promise<OwnEncoder> {
  const source = new BlobSource(new Blob([whisperGgmlFile(whisperTiny, type)]));
  const header = await readWhisperGgml(source);
  // Nothing of the decoder, nor what its layers would keep of the encoder's result.
  const config = { ...configOfSizes(header.sizes), textLayers: 0 };
  const reader = new SourceReader(source);
  const weights = await load({ header, reader, requests: whisperRequests(config), device: gpu.device });
  await reader.close();
  const arena = new BufferArena(gpu, "encoder");
  const step = { tokens: config.audioContext, outputs: 0 };
  const state = encoderState(gpu, config, arena);
  const recording = new Recording(gpu, arena.tensor("step", "u32", [4], GPUBufferUsage.UNIFORM), step);
  recordEncoder(recording, config, whisperWeights(config, weights), state);
  const input = { tensor: state.samples, values: whisperSamples() };
  return { step, recording, weights, input, out: state.normed };
}

/** SmolVLM's projector file, as llama.cpp converts it. */
function siglipFile(type: WeightType): Uint8Array<ArrayBuffer> {
  const { imageSize, patchSize, width, heads, feedForward, layers, epsilon, factor, outputWidth } = siglip;
  const vision = (key: string, value: number) => [`clip.vision.${key}`, "u32", value] as const;
  const thrice = (key: string, value: number) =>
    [`clip.vision.${key}`, "f32", [value, value, value]] as const;
  return writeGguf({
    metadata: [
      ["general.architecture", "string", "clip"],
      ["clip.projector_type", "string", "idefics3"],
      vision("image_size", imageSize),
      vision("patch_size", patchSize),
      vision("preproc_image_size", imageSize),
      vision("embedding_length", width),
      vision("feed_forward_length", feedForward),
      vision("block_count", layers),
      vision("attention.head_count", heads),
      vision("projector.scale_factor", factor),
      vision("projection_dim", outputWidth),
      ["clip.vision.attention.layer_norm_epsilon", "f32", epsilon],
      thrice("image_mean", siglip.mean),
      thrice("image_std", siglip.std),
    ],
    tensors: siglipTensors().map(({ name, shape, values }) => {
      const isPlain = shape.length === 1 || name.startsWith("v.position_embd");
      const own = isPlain ? "f32" : shape.length > 2 && weightFormats[type].blockWeights > 1 ? "f16" : type;
      return { name, shape, type: own, bytes: quantize(own, values) };
    }),
  });
}

async function openSiglip(gpu: Gpu, type: WeightType, load: Load): Promise<OwnEncoder> {
  const { imageSize, side } = siglip;
  const reader = new SourceReader(new BlobSource(new Blob([siglipFile(type)])));
  const header = await readGgufHeader(reader);
  const spec = projectorSpec(header, siglip.outputWidth);
  const weights = await load({ header, reader, requests: spec.tensors, device: gpu.device });
  await reader.close();
  const { image } = spec.build(weights);
  const arena = new BufferArena(gpu, "encoder");
  const step = { tokens: side ** 2, outputs: image!.rows };
  const whole = [imageSize, imageSize];
  const numbers = (name: string, values: number[]) => {
    const tensor = arena.tensor(name, "u32", [4]);
    gpu.device.queue.writeBuffer(tensor.buffer, tensor.offsetBytes, Uint32Array.from(values));
    return tensor;
  };
  const pixels = arena.tensor("pixels", "u32", whole);
  const recording = new Recording(gpu, arena.tensor("step", "u32", [4], GPUBufferUsage.UNIFORM), step);
  const [out] = image!.record(recording, {
    ...{ arena, mostHeight: imageSize, scratch: arena.tensor("scratch", "u32", whole) },
    frames: [{ pixels, sizes: numbers("sizes", [...whole, ...whole]) }],
    ...{ window: numbers("window", [0, 0, ...whole]), places: undefined },
  });
  return { step, recording, weights, input: { tensor: pixels, values: siglipPixels() }, out: out! };
}
