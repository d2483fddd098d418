/** The models whose kernels are measured and estimated: named here once. */

import { type WeightType, weightFormats } from "../src/runtime/gpu/tensor.ts";
import { modelConfig } from "../src/runtime/models/architectures.ts";
import { decoderTensors } from "../src/runtime/models/decoder.ts";
import type { GgufHeader, GgufTensorInfo, MetadataValue } from "../src/runtime/weights/types.ts";

/** Sizes as in `gpu/tensor.ts`: D, H, K, E, F, V, L. */
export interface ModelShape {
  architecture: "llama" | "qwen3";
  layers: number;
  width: number;
  heads: number;
  kvHeads: number;
  headWidth: number;
  feedForward: number;
  vocab: number;
}

/** SmolLM-135M's shape, and those of the files of these names. All tie the output matrix to the embedding. */
export const modelShapes = {
  "llama-135m": {
    architecture: "llama",
    layers: 30,
    ...{ width: 576, heads: 9, kvHeads: 3, headWidth: 64, feedForward: 1536, vocab: 49_152 },
  },
  "qwen3-0.6b": {
    architecture: "qwen3",
    layers: 28,
    ...{ width: 1024, heads: 16, kvHeads: 8, headWidth: 128, feedForward: 3072, vocab: 151_936 },
  },
  "llama-3.2-1b": {
    architecture: "llama",
    layers: 16,
    ...{ width: 2048, heads: 32, kvHeads: 8, headWidth: 64, feedForward: 8192, vocab: 128_256 },
  },
} satisfies Record<string, ModelShape>;

export type ShapeName = keyof typeof modelShapes;

export const weightTypes = Object.keys(weightFormats) as WeightType[];

/** Whether rows of this shape divide into the type's blocks. */
export function fits(shape: ModelShape, type: WeightType): boolean {
  const { blockWeights } = weightFormats[type];
  return [shape.width, shape.heads * shape.headWidth, shape.feedForward].every((n) => n % blockWeights === 0);
}

/** The header of a file of this shape whose matrices are of one type: sizes without weights. */
export function shapeHeader(shape: ModelShape, type: WeightType): GgufHeader {
  const { architecture, headWidth } = shape;
  const sizes: Record<string, MetadataValue> = {
    context_length: 131_072,
    embedding_length: shape.width,
    block_count: shape.layers,
    feed_forward_length: shape.feedForward,
    "attention.head_count": shape.heads,
    "attention.head_count_kv": shape.kvHeads,
    "attention.key_length": headWidth,
    "attention.value_length": headWidth,
    "rope.dimension_count": headWidth,
  };
  const metadata = new Map<string, MetadataValue>([
    ["general.architecture", architecture],
    ...Object.entries(sizes).map(([key, value]) => [`${architecture}.${key}`, value] as const),
  ]);
  const embedding = tensorInfo("token_embd.weight", type, [shape.vocab, shape.width], 0);
  const header = { version: 3, metadata, tensors: [embedding], dataOffsetBytes: 0 };
  let offsetBytes = 0;
  const tensors = decoderTensors(modelConfig(header))
    .filter(({ optional }) => !optional)
    .map((request) => {
      const own = request.kind === "matrix" ? type : "f32";
      const info = tensorInfo(request.name, own, request.shape, offsetBytes);
      offsetBytes += info.sizeBytes;
      return info;
    });
  return { ...header, tensors };
}

function tensorInfo(
  name: string,
  type: WeightType,
  shape: readonly number[],
  offsetBytes: number,
): GgufTensorInfo {
  const { ggmlType, blockWeights, blockBytes } = weightFormats[type];
  const count = shape.reduce((a, b) => a * b, 1);
  return { name, type, ggmlType, shape, offsetBytes, sizeBytes: (count / blockWeights) * blockBytes };
}

/** A header that can be sent to a page: without the lists of its tokenizer. */
export interface PlainHeader extends Omit<GgufHeader, "metadata"> {
  metadata: [string, MetadataValue][];
}

/**
 * @param layers keeps the first so many
 */
export function packHeader(header: GgufHeader, layers = Number.POSITIVE_INFINITY): PlainHeader {
  const metadata = [...header.metadata]
    .filter(([, value]) => !Array.isArray(value))
    .map(([key, value]): [string, MetadataValue] =>
      key.endsWith(".block_count") ? [key, Math.min(Number(value), layers)] : [key, value],
    );
  const tensors = header.tensors.filter(({ name }) => !(Number(/^blk\.(\d+)\./.exec(name)?.[1]) >= layers));
  return { ...header, metadata, tensors };
}

export function unpackHeader(header: PlainHeader): GgufHeader {
  return { ...header, metadata: new Map(header.metadata) };
}

/** Weights that a decode step multiplies with: all matrices but an embedding that is only looked up. */
export function multipliedWeights({ tensors }: Pick<GgufHeader, "tensors">): number {
  const untied = tensors.some(({ name }) => name === "output.weight");
  return tensors
    .filter(({ name, shape }) => shape.length === 2 && !(untied && name === "token_embd.weight"))
    .reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0);
}
