/** Language models with seeded random weights, of any shape: what parity with llama.cpp is tested on. */

import type { WeightType } from "../../gpu/tensor.ts";
import {
  type GgufContents,
  type GgufTensor,
  type MetadataInput,
  type MetadataType,
  writeGguf,
} from "./ggufWriter.ts";
import { quantize } from "./quantize.ts";
import { type Random, randomWeights, seededRandom } from "./random.ts";
import { randomBlocks, randomBlockTypes } from "./randomBlocks.ts";

export interface RandomModel {
  architecture: "llama" | "qwen3" | "qwen3vl" | "gemma3";
  layers: number;
  /** D */
  width: number;
  /** H, K and E: any, as long as H is a multiple of K. */
  heads: number;
  kvHeads: number;
  headWidth: number;
  /** F */
  feedForward: number;
  /** V, at least {@link smallestVocab}. */
  vocab: number;
  /** Type of the matrices; norms are F32. Widths must divide into its blocks. */
  type: WeightType;
  /** @default 1 */
  seed?: number;
  /** Without an output matrix of its own. @default true */
  tied?: boolean;
  /** With `rope_freqs.weight`, as Llama 3.1 and later. @default false */
  ropeFreqs?: boolean;
  /** @default 512 */
  contextLength?: number;
  /** @default 10000 */
  ropeTheta?: number;
  /** @default 1e-5 */
  normEpsilon?: number;
  /** Of `qwen3vl`: layers behind which rows of media are added to. @default 0 */
  deepstackLayers?: number;
  /** Of `gemma3`: positions that five of six layers see. @default 512 */
  window?: number;
  /** Jinja source of `tokenizer.chat_template`. */
  chatTemplate?: string;
  /** More control tokens. */
  controlTokens?: readonly string[];
  /** Of the file format. @default 3 */
  version?: 2 | 3;
}

const letters = "▁abcdefghijklmnopqrstuvwxyz";
/** Control tokens, bytes and letters. */
export const smallestVocab = 3 + 256 + letters.length;

/** The model as a GGUF file that llama.cpp loads, too. The same bytes in every JavaScript engine. */
export function makeRandomModel(model: RandomModel): Uint8Array<ArrayBuffer> {
  return writeGguf(randomModelContents(model));
}

/** The model's metadata and tensors. */
export function randomModelContents(model: RandomModel): GgufContents {
  const random = seededRandom(model.seed ?? 1);
  return {
    version: model.version ?? 3,
    metadata: [...hyperparameters(model), ...vocabulary(model, random)],
    tensors: tensors(model, random),
  };
}

type Entry = readonly [key: string, type: MetadataType, value: MetadataInput];

function hyperparameters(model: RandomModel): Entry[] {
  const { architecture } = model;
  const counts = {
    context_length: model.contextLength ?? 512,
    embedding_length: model.width,
    block_count: model.layers,
    feed_forward_length: model.feedForward,
    vocab_size: model.vocab,
    "attention.head_count": model.heads,
    "attention.head_count_kv": model.kvHeads,
    "attention.key_length": model.headWidth,
    "attention.value_length": model.headWidth,
    "rope.dimension_count": model.headWidth,
  };
  return [
    ["general.architecture", "string", architecture],
    ["general.name", "string", `random ${architecture} ${model.type}`],
    ["general.quantization_version", "u32", 2],
    ...Object.entries(counts).map(([key, value]): Entry => [`${architecture}.${key}`, "u32", value]),
    [`${architecture}.rope.freq_base`, "f32", model.ropeTheta ?? 10_000],
    [`${architecture}.attention.layer_norm_rms_epsilon`, "f32", model.normEpsilon ?? 1e-5],
    ...(architecture === "qwen3vl" ? positionsAndMedia(model) : []),
    ...(architecture === "gemma3"
      ? ([["gemma3.attention.sliding_window", "u32", model.window ?? 512]] as const)
      : []),
  ];
}

/** A third of the pairs for each coordinate, and what is left of them for time. */
function positionsAndMedia({ headWidth, deepstackLayers = 0 }: RandomModel): Entry[] {
  const third = Math.floor(headWidth / 6);
  return [
    ["qwen3vl.rope.dimension_sections", "i32", [headWidth / 2 - 2 * third, third, third, 0]],
    ["qwen3vl.n_deepstack_layers", "u32", deepstackLayers],
  ];
}

/** SentencePiece-style: control tokens, all bytes, letters, then random words with and without a leading space. */
function vocabulary({ vocab, chatTemplate, controlTokens = [] }: RandomModel, random: Random): Entry[] {
  if (vocab < smallestVocab)
    throw new RangeError(`a vocabulary needs ${smallestVocab} tokens or more, not ${vocab}`);
  // Token types of GGUF: 1 normal, 2 unknown, 3 control, 6 byte.
  const tokens = new Map<string, number>([
    ["<unk>", 2],
    ["<s>", 3],
    ["</s>", 3],
    ...controlTokens.map((token) => [token, 3] as const),
  ]);
  for (let byte = 0; byte < 256; byte++)
    tokens.set(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, 6);
  for (const letter of letters) tokens.set(letter, 1);
  while (tokens.size < vocab) {
    let word = random.uniform() < 0.5 ? "▁" : "";
    const length = 2 + Math.floor(random.uniform() * 5);
    for (let i = 0; i < length; i++) word += letters[1 + Math.floor(random.uniform() * 26)];
    if (!tokens.has(word)) tokens.set(word, 1);
  }
  const kinds = [...tokens.values()];
  return [
    ["tokenizer.ggml.model", "string", "llama"],
    ["tokenizer.ggml.tokens", "string", [...tokens.keys()]],
    ["tokenizer.ggml.scores", "f32", kinds.map((kind, i) => (kind === 1 ? -i : 0))],
    ["tokenizer.ggml.token_type", "i32", kinds],
    ["tokenizer.ggml.unknown_token_id", "u32", 0],
    ["tokenizer.ggml.bos_token_id", "u32", 1],
    ["tokenizer.ggml.eos_token_id", "u32", 2],
    ["tokenizer.ggml.add_bos_token", "bool", true],
    ...(chatTemplate === undefined ? [] : [["tokenizer.chat_template", "string", chatTemplate] as const]),
  ];
}

function tensors(model: RandomModel, random: Random): GgufTensor[] {
  const { architecture, layers, width, heads, kvHeads, headWidth, feedForward, vocab, type } = model;
  const all: GgufTensor[] = [];
  // Rows of unit gain keep activations near 1 through all layers.
  const matrix = (name: string, rows: number, columns: number) => {
    const deviation = 1 / Math.sqrt(columns);
    const bytes = randomBlockTypes.includes(type)
      ? randomBlocks(type, random, rows * columns, deviation)
      : quantize(type, randomWeights(random, rows * columns, deviation));
    all.push({ name, type, shape: [rows, columns], bytes });
  };
  const norm = (name: string, length: number) => {
    const values = randomWeights(random, length, 0.1).map((value) => 1 + value);
    all.push({ name, type: "f32", shape: [length], bytes: quantize("f32", values) });
  };

  // Logits of a deviation near 1: llama.cpp rounds activations to 8 bits, and a sharper distribution magnifies that.
  matrix("token_embd.weight", vocab, width);
  if (model.ropeFreqs) {
    // Growing divisors of the frequencies, from 1 to 8, as Llama 3 has them for its slow dimensions.
    const factors = Float32Array.from({ length: headWidth / 2 }, (_, i) => 1 + (14 * i) / headWidth);
    all.push({
      name: "rope_freqs.weight",
      type: "f32",
      shape: [headWidth / 2],
      bytes: quantize("f32", factors),
    });
  }
  for (let layer = 0; layer < layers; layer++) {
    const block = `blk.${layer}`;
    norm(`${block}.attn_norm.weight`, width);
    matrix(`${block}.attn_q.weight`, heads * headWidth, width);
    matrix(`${block}.attn_k.weight`, kvHeads * headWidth, width);
    matrix(`${block}.attn_v.weight`, kvHeads * headWidth, width);
    if (architecture !== "llama") {
      norm(`${block}.attn_q_norm.weight`, headWidth);
      norm(`${block}.attn_k_norm.weight`, headWidth);
    }
    matrix(`${block}.attn_output.weight`, width, heads * headWidth);
    if (architecture === "gemma3") {
      norm(`${block}.post_attention_norm.weight`, width);
      norm(`${block}.post_ffw_norm.weight`, width);
    }
    norm(`${block}.ffn_norm.weight`, width);
    matrix(`${block}.ffn_gate.weight`, feedForward, width);
    matrix(`${block}.ffn_up.weight`, feedForward, width);
    matrix(`${block}.ffn_down.weight`, width, feedForward);
  }
  norm("output_norm.weight", width);
  if (model.tied === false) matrix("output.weight", vocab, width);
  return all;
}
