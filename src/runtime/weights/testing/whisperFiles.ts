/** Whisper models of random weights, as whisper.cpp's file and as Hugging Face's. */

import { type WeightType, weightFormats } from "../../gpu/tensor.ts";
import type { WhisperSizes } from "../whisperGgml.ts";
import { quantize } from "./quantize.ts";
import { randomWeights, seededRandom } from "./random.ts";
import { writeSafetensors } from "./safetensorsWriter.ts";

export interface WhisperTensor {
  /** OpenAI's. */
  name: string;
  shape: readonly number[];
  values: Float32Array<ArrayBuffer>;
}

/** Sizes of `tiny` with layers, vocabulary and contexts cut. */
export const cutTiny: WhisperSizes = {
  vocab: 256 + 2 + 99 + 6 + 1501,
  audioContext: 48,
  audioWidth: 384,
  audioHeads: 6,
  audioLayers: 1,
  textContext: 64,
  textWidth: 384,
  textHeads: 6,
  textLayers: 1,
  melBins: 80,
};

/** All tensors of a model, matrices of a deviation that keeps activations of size 1, norms near 1. */
export function whisperTensors(sizes: WhisperSizes, seed = 1): WhisperTensor[] {
  const random = seededRandom(seed);
  const tensors: WhisperTensor[] = [];
  const add = (name: string, shape: number[], deviation: number, mean = 0) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const values = randomWeights(random, count, deviation).map((value) => Math.fround(value + mean));
    tensors.push({ name, shape, values });
  };
  const linear = (name: string, rows: number, columns: number, bias = true) => {
    add(`${name}.weight`, [rows, columns], 1 / Math.sqrt(columns));
    if (bias) add(`${name}.bias`, [rows], 0.2);
  };
  const norm = (name: string, width: number) => {
    add(`${name}.weight`, [width], 0.2, 1);
    add(`${name}.bias`, [width], 0.2);
  };
  const attention = (name: string, width: number) => {
    linear(`${name}.query`, width, width);
    linear(`${name}.key`, width, width, false);
    linear(`${name}.value`, width, width);
    linear(`${name}.out`, width, width);
  };
  const block = (name: string, width: number, cross: boolean) => {
    attention(`${name}.attn`, width);
    norm(`${name}.attn_ln`, width);
    if (cross) {
      attention(`${name}.cross_attn`, width);
      norm(`${name}.cross_attn_ln`, width);
    }
    linear(`${name}.mlp.0`, 4 * width, width);
    linear(`${name}.mlp.2`, width, 4 * width);
    norm(`${name}.mlp_ln`, width);
  };
  const { audioWidth: A, textWidth: D } = sizes;
  add("encoder.positional_embedding", [sizes.audioContext, A], 0.5);
  add("encoder.conv1.weight", [A, sizes.melBins, 3], 1 / Math.sqrt(3 * sizes.melBins));
  add("encoder.conv1.bias", [A], 0.2);
  add("encoder.conv2.weight", [A, A, 3], 1 / Math.sqrt(3 * A));
  add("encoder.conv2.bias", [A], 0.2);
  for (let i = 0; i < sizes.audioLayers; i++) block(`encoder.blocks.${i}`, A, false);
  norm("encoder.ln_post", A);
  add("decoder.positional_embedding", [sizes.textContext, D], 0.5);
  add("decoder.token_embedding.weight", [sizes.vocab, D], 0.15);
  for (let i = 0; i < sizes.textLayers; i++) block(`decoder.blocks.${i}`, D, true);
  norm("decoder.ln", D);
  return tensors;
}

/** What whisper.cpp keeps in full precision, whatever the file's type. */
const isPlain = ({ name, shape }: WhisperTensor) =>
  shape.length === 1 || name.endsWith("positional_embedding");

/** The type in which a file of `type` holds a tensor: as whisper.cpp converts and quantizes. */
export function ggmlTensorType(tensor: WhisperTensor, type: WeightType): WeightType {
  if (isPlain(tensor)) return "f32";
  return tensor.shape.length === 3 && weightFormats[type].blockWeights > 1 ? "f16" : type;
}

/** Ordinary tokens of the cut vocabulary: single bytes in the order of GPT-2, as many as there are. */
export function byteTokens(sizes: WhisperSizes): Uint8Array[] {
  const printable = Array.from({ length: 256 }, (_, byte) => byte).filter(
    (byte) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae,
  );
  const all = [
    ...printable,
    ...Array.from({ length: 256 }, (_, b) => b).filter((b) => !printable.includes(b)),
  ];
  return all.slice(0, sizes.vocab).map((byte) => Uint8Array.of(byte));
}

export function whisperGgmlFile(
  sizes: WhisperSizes,
  type: WeightType = "f16",
  tensors = whisperTensors(sizes),
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const u32 = (...values: number[]) => parts.push(new Uint8Array(Uint32Array.from(values).buffer));
  const { vocab, melBins } = sizes;
  u32(0x67676d6c, vocab, sizes.audioContext, sizes.audioWidth, sizes.audioHeads, sizes.audioLayers);
  u32(sizes.textContext, sizes.textWidth, sizes.textHeads, sizes.textLayers, melBins, 1);
  u32(melBins, 201);
  parts.push(new Uint8Array(melBins * 201 * 4));
  const tokens = byteTokens(sizes);
  u32(tokens.length);
  for (const token of tokens) {
    u32(token.length);
    parts.push(token);
  }
  for (const tensor of tensors) {
    const own = ggmlTensorType(tensor, type);
    const name = new TextEncoder().encode(tensor.name);
    const shape = /conv\d\.bias/.test(tensor.name) ? [...tensor.shape, 1] : tensor.shape;
    u32(shape.length, name.length, weightFormats[own].ggmlType, ...[...shape].reverse());
    parts.push(name, quantize(own, tensor.values));
  }
  return joined(parts);
}

/** `model.safetensors` with Hugging Face's names. */
export function whisperSafetensors(
  tensors: readonly WhisperTensor[],
  type: "f32" | "f16" | "bf16" = "f32",
): Uint8Array<ArrayBuffer> {
  return writeSafetensors(
    tensors.map((tensor) => ({
      name: huggingFaceName(tensor.name),
      dtype: type.toUpperCase(),
      shape: tensor.shape,
      bytes: quantize(type, tensor.values),
    })),
    { format: "pt" },
  );
}

function huggingFaceName(name: string): string {
  return `model.${name}`
    .replace(".blocks.", ".layers.")
    .replace("token_embedding", "embed_tokens")
    .replace("positional_embedding", "embed_positions.weight")
    .replace(".cross_attn.", ".encoder_attn.")
    .replace(".cross_attn_ln.", ".encoder_attn_layer_norm.")
    .replace(".attn.", ".self_attn.")
    .replace(".attn_ln.", ".self_attn_layer_norm.")
    .replace(".query.", ".q_proj.")
    .replace(".key.", ".k_proj.")
    .replace(".value.", ".v_proj.")
    .replace(".out.", ".out_proj.")
    .replace(".mlp.0.", ".fc1.")
    .replace(".mlp.2.", ".fc2.")
    .replace(".mlp_ln.", ".final_layer_norm.")
    .replace(/\.(ln_post|ln)\./, ".layer_norm.");
}

/** The files beside `model.safetensors`. */
export function whisperSiblings(sizes: WhisperSizes): Record<string, string> {
  const config = {
    model_type: "whisper",
    vocab_size: sizes.vocab,
    num_mel_bins: sizes.melBins,
    d_model: sizes.audioWidth,
    encoder_layers: sizes.audioLayers,
    encoder_attention_heads: sizes.audioHeads,
    encoder_ffn_dim: 4 * sizes.audioWidth,
    decoder_layers: sizes.textLayers,
    decoder_attention_heads: sizes.textHeads,
    decoder_ffn_dim: 4 * sizes.textWidth,
    max_source_positions: sizes.audioContext,
    max_target_positions: sizes.textContext,
  };
  const spell = (byte: number) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    if (printable) return String.fromCharCode(byte);
    const below = Array.from({ length: byte }, (_, b) => b).filter(
      (b) => !((b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae),
    );
    return String.fromCharCode(256 + below.length);
  };
  const tokens = byteTokens(sizes);
  const vocab = Object.fromEntries(tokens.map((token, id) => [spell(token[0]!), id]));
  const tokenizer = {
    added_tokens: [{ id: tokens.length, content: "<|endoftext|>", special: true }],
    model: { type: "BPE", vocab, merges: [] },
  };
  return { "config.json": JSON.stringify(config), "tokenizer.json": JSON.stringify(tokenizer) };
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}
