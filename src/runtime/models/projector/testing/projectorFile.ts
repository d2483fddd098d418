/** Projector files of random weights: the tensors that a projector asks for, of sizes that keep activations near 1. */

import type { WeightType } from "../../../gpu/tensor.ts";
import { dequantize } from "../../../weights/dequantize.ts";
import { type MetadataInput, type MetadataType, writeGguf } from "../../../weights/testing/ggufWriter.ts";
import { quantize } from "../../../weights/testing/quantize.ts";
import { randomWeights, seededRandom } from "../../../weights/testing/random.ts";
import type { GgufHeader } from "../../../weights/types.ts";
import { projectorSpec } from "../projectors.ts";
import type { NamedWeights } from "./projector.ref.ts";

export type ProjectorMetadata = (readonly [key: string, type: MetadataType, value: MetadataInput])[];

/** `idefics3` as SmolVLM has it, with sizes cut. */
export function idefics3Metadata(
  sizes: Partial<
    Record<"imageSize" | "patchSize" | "width" | "heads" | "feedForward" | "layers" | "output", number>
  > = {},
): ProjectorMetadata {
  const {
    imageSize = 64,
    patchSize = 8,
    width = 128,
    heads = 4,
    feedForward = 256,
    layers = 2,
    output = 64,
  } = sizes;
  return [
    ["general.architecture", "string", "clip"],
    ["clip.projector_type", "string", "idefics3"],
    ["clip.has_vision_encoder", "bool", true],
    ["clip.use_gelu", "bool", true],
    ["clip.vision.image_size", "u32", imageSize],
    ["clip.vision.patch_size", "u32", patchSize],
    ["clip.vision.embedding_length", "u32", width],
    ["clip.vision.feed_forward_length", "u32", feedForward],
    ["clip.vision.block_count", "u32", layers],
    ["clip.vision.projection_dim", "u32", output],
    ["clip.vision.attention.head_count", "u32", heads],
    ["clip.vision.attention.layer_norm_epsilon", "f32", 1e-6],
    ["clip.vision.image_mean", "f32", [0.5, 0.5, 0.5]],
    ["clip.vision.image_std", "f32", [0.5, 0.5, 0.5]],
    ["clip.vision.projector.scale_factor", "u32", 4],
    ["clip.vision.preproc_image_size", "u32", 4 * imageSize],
  ];
}

/** `gemma3` with sizes cut: patches as odd as its own, of which two by two become a row. */
export function gemma3Metadata(sizes: Parameters<typeof idefics3Metadata>[0] = {}): ProjectorMetadata {
  return idefics3Metadata({ imageSize: 56, patchSize: 14, ...sizes })
    .filter(([key]) => key !== "clip.vision.preproc_image_size")
    .map((entry): typeof entry => {
      if (entry[0] === "clip.projector_type") return [entry[0], "string", "gemma3"];
      return entry[0] === "clip.vision.projector.scale_factor" ? [entry[0], "u32", 2] : entry;
    });
}

/** `qwen3vl_merger` as Qwen3-VL has it, with sizes cut; rows for two layers of the language model. */
export function qwen3vlMetadata(
  sizes: Partial<
    Record<
      "imageSize" | "patchSize" | "width" | "heads" | "feedForward" | "layers" | "output" | "minPixels",
      number
    >
  > = {},
): ProjectorMetadata {
  const { imageSize = 32, patchSize = 8, width = 128, heads = 4, feedForward = 256 } = sizes;
  const { layers = 3, output = 64, minPixels = 4 * 16 ** 2 } = sizes;
  return [
    ["general.architecture", "string", "clip"],
    ["clip.projector_type", "string", "qwen3vl_merger"],
    ["clip.has_vision_encoder", "bool", true],
    ["clip.use_gelu", "bool", true],
    ["clip.vision.image_size", "u32", imageSize],
    ["clip.vision.patch_size", "u32", patchSize],
    ["clip.vision.embedding_length", "u32", width],
    ["clip.vision.feed_forward_length", "u32", feedForward],
    ["clip.vision.block_count", "u32", layers],
    ["clip.vision.projection_dim", "u32", output],
    ["clip.vision.attention.head_count", "u32", heads],
    ["clip.vision.attention.layer_norm_epsilon", "f32", 1e-6],
    ["clip.vision.image_mean", "f32", [0.5, 0.4, 0.3]],
    ["clip.vision.image_std", "f32", [0.5, 0.4, 0.3]],
    ["clip.vision.spatial_merge_size", "u32", 2],
    ["clip.vision.image_min_pixels", "u32", minPixels],
    ["clip.vision.image_max_pixels", "u32", 48 * (2 * patchSize) ** 2],
    // The last layer and the one before the last but one.
    [
      "clip.vision.is_deepstack_layers",
      "bool",
      Array.from({ length: layers }, (_, i) => (layers - 1 - i) % 2 === 0),
    ],
  ];
}

/** `omnitab`, smaller than the embedded one. */
export function omnitabMetadata(output = 64): ProjectorMetadata {
  const encoder = (modality: string): ProjectorMetadata => [
    [`clip.${modality}.embedding_length`, "u32", 64],
    [`clip.${modality}.feed_forward_length`, "u32", 128],
    [`clip.${modality}.block_count`, "u32", 2],
    [`clip.${modality}.projection_dim`, "u32", output],
    [`clip.${modality}.attention.head_count`, "u32", 2],
    [`clip.${modality}.attention.layer_norm_epsilon`, "f32", 1e-5],
  ];
  return [
    ["general.architecture", "string", "clip"],
    ["clip.projector_type", "string", "omnitab"],
    ["clip.has_vision_encoder", "bool", true],
    ["clip.has_audio_encoder", "bool", true],
    ...encoder("vision"),
    ...encoder("audio"),
    ["clip.vision.image_size", "u32", 32],
    ["clip.vision.patch_size", "u32", 8],
    ["clip.vision.image_mean", "f32", [0.5, 0.4, 0.3]],
    ["clip.vision.image_std", "f32", [0.3, 0.25, 0.2]],
    ["clip.audio.num_mel_bins", "u32", 80],
    ["omnitab.audio.window", "u32", 48],
    ["omnitab.audio.step", "u32", 16],
    ["omnitab.fusion.block_count", "u32", 2],
    ["omnitab.fusion.head_count", "u32", 2],
    ["omnitab.fusion.feed_forward_length", "u32", 128],
    ["omnitab.fusion.image_queries", "u32", 5],
    ["omnitab.fusion.audio_queries", "u32", 3],
  ];
}

/** `ultravox` with sizes cut: windows of 22 positions, of which 8 become a row. */
export const ultravoxSizes = { positions: 22, stack: 8, gated: 192 };
type UltravoxSizes = typeof ultravoxSizes;
export function ultravoxMetadata(
  sizes: Partial<Record<"width" | "heads" | "feedForward" | "layers" | "output", number>> = {},
): ProjectorMetadata {
  const { width = 64, heads = 2, feedForward = 128, layers = 2, output = 64 } = sizes;
  return [
    ["general.architecture", "string", "clip"],
    ["clip.projector_type", "string", "ultravox"],
    ["clip.has_audio_encoder", "bool", true],
    ["clip.audio.embedding_length", "u32", width],
    ["clip.audio.feed_forward_length", "u32", feedForward],
    ["clip.audio.block_count", "u32", layers],
    ["clip.audio.projection_dim", "u32", output],
    ["clip.audio.attention.head_count", "u32", heads],
    ["clip.audio.attention.layer_norm_epsilon", "f32", 1e-5],
    ["clip.audio.num_mel_bins", "u32", 80],
    ["clip.audio.projector.stack_factor", "u32", ultravoxSizes.stack],
  ];
}

/** Tensors whose shapes say what `ultravox` finds in no metadata. @param width of the encoder */
function ultravoxTensors(width: number, { positions, stack, gated }: UltravoxSizes): GgufHeader["tensors"] {
  return [
    { name: "a.position_embd.weight", shape: [positions, width] },
    { name: "mm.a.mlp.1.weight", shape: [gated, width * stack] },
  ].map((tensor) => ({ ...tensor, ggmlType: 0, type: "f32", offsetBytes: 0, sizeBytes: 0 }));
}

/** (rows, taps, channels) as files have it: (rows, channels, taps). */
function channelByChannel(values: Float32Array, columns: number, taps: number): Float32Array {
  const channels = columns / taps;
  return values.map((_, i) => {
    const [row, rest] = [Math.floor(i / columns), i % columns];
    return values[row * columns + (rest % taps) * channels + Math.floor(rest / taps)]!;
  });
}

/**
 * A file with random weights, and what they are as numbers. Matrices are of the type, convolutions F16, vectors F32.
 * @param hearing sizes of `ultravox` that no metadata tells
 */
export function projectorFile(
  metadata: ProjectorMetadata,
  type: WeightType,
  seed = 1,
  hearing = ultravoxSizes,
) {
  const values = new Map(metadata.map(([key, , value]) => [key, value]));
  const header: GgufHeader = {
    ...{ version: 3, dataOffsetBytes: 0, metadata: values },
    tensors: ultravoxTensors(Number(values.get("clip.audio.embedding_length")), hearing),
  };
  const width = Number(
    header.metadata.get("clip.vision.projection_dim") ?? header.metadata.get("clip.audio.projection_dim"),
  );
  const patchSize = Number(header.metadata.get("clip.vision.patch_size"));
  const flags = header.metadata.get("clip.vision.is_deepstack_layers");
  const deepstackLayers = Array.isArray(flags) ? flags.filter(Boolean).length : 0;
  const random = seededRandom(seed);
  const weights: NamedWeights = new Map();
  // Keys without bias, as Whisper has them: what may be absent is.
  const requests = projectorSpec(header, width, deepstackLayers).tensors.filter(({ optional }) => !optional);
  const tensors = requests.map(({ name, kind, shape: wanted, flat, taps, padding = 0 }) => {
    const shape = padding > 0 ? [wanted[0]!, wanted[1]! - padding] : wanted;
    const count = shape.reduce((a, b) => a * b, 1);
    const isNorm = /(ln|norm)[^.]*\.weight$/.test(name);
    const deviation =
      kind === "matrix"
        ? 1 / Math.sqrt(shape[1]!)
        : name.includes("projection")
          ? 1 / Math.sqrt(shape[0]!)
          : 0.3;
    const values = randomWeights(random, count, deviation).map((value) =>
      Math.fround(value + (isNorm ? 1 : 0)),
    );
    const own: WeightType = kind === "vector" ? "f32" : flat || taps ? "f16" : type;
    const bytes = quantize(own, values);
    weights.set(name, { shape, values: dequantize(own, bytes, count) });
    if (taps) {
      const inFile = quantize(own, channelByChannel(values, shape[1]!, taps));
      return { name, type: own, shape: [shape[0]!, shape[1]! / taps, taps], bytes: inFile };
    }
    return { name, type: own, shape: storedShape(name, shape, patchSize), bytes };
  });
  return { file: new Blob([writeGguf({ metadata, tensors })]), weights };
}

/** As llama.cpp's converter writes them. */
function storedShape(name: string, shape: readonly number[], patchSize: number): readonly number[] {
  if (name.startsWith("v.patch_embd.weight")) return [shape[0]!, 3, patchSize, patchSize];
  return /conv1d.*bias/.test(name) ? [shape[0]!, 1] : shape;
}
