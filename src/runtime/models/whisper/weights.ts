/** Whisper's tensors, by OpenAI's names (which whisper.cpp keeps) or Hugging Face's. */

import type { Tensor, WeightMatrix } from "../../gpu/tensor.ts";
import type { GgufTensorInfo, LoadedWeights, TensorRequest } from "../../weights/types.ts";
import {
  type FeedForward,
  type Linear,
  layerWeights,
  type Norm,
  type SelfAttention,
} from "../encoder/layers.ts";
import type { WhisperConfig } from "./config.ts";

export interface CrossAttention {
  norm: Norm;
  q: Linear; // (D, D)
  k: Linear; // (D, D), without a bias
  v: Linear; // (D, D)
  out: Linear; // (D, D)
}

export interface WhisperWeights {
  conv1: Linear; // (D, 3 · C)
  conv2: Linear; // (D, 3 · D)
  audioPositions: Tensor; // (S, D)
  audioLayers: { attention: SelfAttention; feedForward: FeedForward }[];
  audioNorm: Norm;
  tokenEmbedding: WeightMatrix; // (V, D), also the head
  textPositions: Tensor; // (textContext, D)
  textLayers: { attention: SelfAttention; cross: CrossAttention; feedForward: FeedForward }[];
  textNorm: Norm;
}

/** The tensors a Whisper model wants from its file. */
export function whisperRequests(config: WhisperConfig): TensorRequest[] {
  const { width: D, melBins, vocab } = config;
  const vector = (name: string, shape: number[], joined?: string, optional?: "zeros"): TensorRequest => ({
    ...{ name, kind: "vector", shape },
    ...(joined !== undefined && { joined }),
    ...(optional && { optional }),
  });
  const matrix = (name: string, rows: number, columns: number, joined?: string): TensorRequest => ({
    ...{ name: `${name}.weight`, kind: "matrix", shape: [rows, columns] },
    ...(joined !== undefined && { joined: `${joined}.weight` }),
  });
  const norm = (name: string) => ["weight", "bias"].map((part) => vector(`${name}.${part}`, [D]));
  const linear = (name: string, rows: number, columns: number) => [
    matrix(name, rows, columns),
    vector(`${name}.bias`, [rows]),
  ];
  const joined = (place: string, names: readonly string[], group: string) => [
    ...names.map((name) => matrix(`${place}.${name}`, D, D, `${place}.${group}`)),
    ...names.map((name) => vector(`${place}.${name}.bias`, [D], `${place}.${group}.bias`, "zeros")),
  ];
  const feedForward = (place: string, F: number) => [
    ...norm(`${place}.mlp_ln`),
    ...linear(`${place}.mlp.0`, F, D),
    ...linear(`${place}.mlp.2`, D, F),
  ];
  const attention = (place: string) => [
    ...norm(`${place}.attn_ln`),
    ...joined(`${place}.attn`, ["query", "key", "value"], "qkv"),
    ...linear(`${place}.attn.out`, D, D),
  ];
  const cross = (place: string) => [
    ...norm(`${place}.cross_attn_ln`),
    ...linear(`${place}.cross_attn.query`, D, D),
    matrix(`${place}.cross_attn.key`, D, D),
    ...linear(`${place}.cross_attn.value`, D, D),
    ...linear(`${place}.cross_attn.out`, D, D),
  ];
  const conv = (name: string, channels: number): TensorRequest[] => [
    { ...matrix(name, D, 3 * channels), taps: 3 },
    vector(`${name}.bias`, [D]),
  ];
  const blocks = (place: string, count: number, of: (block: string) => TensorRequest[]) =>
    Array.from({ length: count }, (_, i) => of(`${place}.blocks.${i}`)).flat();
  return [
    ...conv("encoder.conv1", melBins),
    ...conv("encoder.conv2", D),
    vector("encoder.positional_embedding", [config.audioContext, D]),
    ...blocks("encoder", config.audioLayers, (block) => [
      ...attention(block),
      ...feedForward(block, config.audioFeedForward),
    ]),
    ...norm("encoder.ln_post"),
    matrix("decoder.token_embedding", vocab, D),
    vector("decoder.positional_embedding", [config.textContext, D]),
    ...blocks("decoder", config.textLayers, (block) => [
      ...attention(block),
      ...cross(block),
      ...feedForward(block, config.textFeedForward),
    ]),
    ...norm("decoder.ln"),
  ];
}

/** Names the loaded tensors. The loader has checked that they are there, with these shapes. */
export function whisperWeights(config: WhisperConfig, loaded: LoadedWeights): WhisperWeights {
  const { table, norm, linear } = layerWeights(loaded);
  const attention = (block: string): SelfAttention => ({
    norm: norm(`${block}.attn_ln`),
    qkv: linear(`${block}.attn.qkv`),
    out: linear(`${block}.attn.out`),
  });
  const cross = (block: string): CrossAttention => ({
    norm: norm(`${block}.cross_attn_ln`),
    q: linear(`${block}.cross_attn.query`),
    k: linear(`${block}.cross_attn.key`),
    v: linear(`${block}.cross_attn.value`),
    out: linear(`${block}.cross_attn.out`),
  });
  const feedForward = (block: string): FeedForward => ({
    norm: norm(`${block}.mlp_ln`),
    up: linear(`${block}.mlp.0`),
    down: linear(`${block}.mlp.2`),
  });
  const blocks = <T>(place: string, count: number, of: (block: string) => T) =>
    Array.from({ length: count }, (_, i) => of(`${place}.blocks.${i}`));
  return {
    conv1: linear("encoder.conv1"),
    conv2: linear("encoder.conv2"),
    audioPositions: table("encoder.positional_embedding", config.width),
    audioLayers: blocks("encoder", config.audioLayers, (block) => ({
      attention: attention(block),
      feedForward: feedForward(block),
    })),
    audioNorm: norm("encoder.ln_post"),
    tokenEmbedding: loaded.matrices.get("decoder.token_embedding.weight")!,
    textPositions: table("decoder.positional_embedding", config.width),
    textLayers: blocks("decoder", config.textLayers, (block) => ({
      attention: attention(block),
      cross: cross(block),
      feedForward: feedForward(block),
    })),
    textNorm: norm("decoder.ln"),
  };
}

/** Parts of Hugging Face's names, and what OpenAI calls them. */
const renamed: readonly (readonly [RegExp, string])[] = [
  [/^model\./, ""],
  [/\.layers\./, ".blocks."],
  [/\.self_attn_layer_norm\./, ".attn_ln."],
  [/\.encoder_attn_layer_norm\./, ".cross_attn_ln."],
  [/\.final_layer_norm\./, ".mlp_ln."],
  [/^encoder\.layer_norm\./, "encoder.ln_post."],
  [/^decoder\.layer_norm\./, "decoder.ln."],
  [/\.self_attn\./, ".attn."],
  [/\.encoder_attn\./, ".cross_attn."],
  [/\.q_proj\./, ".query."],
  [/\.k_proj\./, ".key."],
  [/\.v_proj\./, ".value."],
  [/\.out_proj\./, ".out."],
  [/\.fc1\./, ".mlp.0."],
  [/\.fc2\./, ".mlp.2."],
  [/\.embed_positions\.weight$/, ".positional_embedding"],
  [/\.embed_tokens\./, ".token_embedding."],
];

/** The tensors of a Hugging Face file by OpenAI's names. */
export function openAiNames(tensors: readonly GgufTensorInfo[]): GgufTensorInfo[] {
  return tensors.map((tensor) => ({
    ...tensor,
    name: renamed.reduce((name, [from, to]) => name.replace(from, to), tensor.name),
  }));
}
