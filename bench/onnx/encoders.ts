/**
 * Encoders as ONNX files, as exporters for browsers make them once their optimizers have joined what they can:
 * com.microsoft's MultiHeadAttention, SkipLayerNormalization (residual and norm) and Gelu, in fp32 or fp16.
 * Operators: onnxruntime's docs/ContribOperators.md.
 */

import { quantize } from "../../src/runtime/weights/testing/quantize.ts";
import type { OnnxGraph, OnnxNode } from "./onnxFile.ts";

const microsoft = "com.microsoft";

export interface OnnxWeight {
  shape: readonly number[];
  values: Float32Array;
}

/** Weights by name: linear layers are (N, K), as they are trained. */
export type OnnxWeights = (name: string) => OnnxWeight;

class GraphBuilder {
  readonly graph: OnnxGraph = { nodes: [], initializers: [], inputs: [], outputs: [] };

  constructor(
    readonly type: "f32" | "f16",
    private readonly weights: OnnxWeights,
  ) {}

  node(op: string, inputs: string[], name: string, more: Partial<OnnxNode> = {}): string {
    this.graph.nodes.push({ op, inputs, outputs: [name], ...more });
    return name;
  }

  tensor(name: string, shape: readonly number[], values: Float32Array): string {
    this.graph.initializers.push({
      name,
      type: this.type,
      shape: [...shape],
      bytes: quantize(this.type, values),
    });
    return name;
  }

  /** A shape that Reshape takes. */
  shape(name: string, sizes: readonly number[]): string {
    const bytes = new Uint8Array(BigInt64Array.from(sizes, BigInt).buffer);
    this.graph.initializers.push({ name, type: "i64", shape: [sizes.length], bytes });
    return name;
  }

  reshape(x: string, sizes: readonly number[], name: string): string {
    return this.node("Reshape", [x, this.shape(`${name}.shape`, sizes)], name);
  }

  transpose(x: string, perm: number[], name: string): string {
    return this.node("Transpose", [x], name, { attributes: { perm } });
  }

  weight(name: string): string {
    const { shape, values } = this.weights(name);
    return this.tensor(name, shape, values);
  }

  /** x · Wᵀ + bias: exporters transpose W. */
  linear(x: string, weight: string, bias: string | undefined, name: string): string {
    const { shape, values } = this.weights(weight);
    const [rows = 0, columns = 0] = shape;
    const transposed = new Float32Array(values.length);
    for (let n = 0; n < rows; n++)
      for (let k = 0; k < columns; k++) transposed[k * rows + n] = values[n * columns + k]!;
    const product = this.node(
      "MatMul",
      [x, this.tensor(weight, [columns, rows], transposed)],
      `${name}.matmul`,
    );
    return bias === undefined ? product : this.node("Add", [product, this.weight(bias)], `${name}.out`);
  }

  norm(x: string, name: string, epsilon: number): string {
    const inputs = [x, this.weight(`${name}.weight`), this.weight(`${name}.bias`)];
    const attributes = { axis: 2, epsilon: { float: epsilon } };
    return this.node("LayerNormalization", inputs, `${name}.out`, { attributes });
  }

  /** The sum of both, and its norm. */
  addNorm(x: string, y: string, name: string, epsilon: number): { sum: string; normed: string } {
    const [sum, normed] = [`${name}.sum`, `${name}.out`];
    this.graph.nodes.push({
      ...{ op: "SkipLayerNormalization", domain: microsoft, outputs: [normed, "", "", sum] },
      inputs: [x, y, this.weight(`${name}.weight`), this.weight(`${name}.bias`)],
      attributes: { epsilon: { float: epsilon } },
    });
    return { sum, normed };
  }

  gelu(x: string, name: string, approximate: boolean): string {
    return approximate
      ? this.node("FastGelu", [x], name, { domain: microsoft })
      : this.node("Gelu", [x], name, { domain: microsoft });
  }

  attention(q: string, k: string, v: string, heads: number, name: string): string {
    return this.node("MultiHeadAttention", [q, k, v], name, {
      ...{ domain: microsoft, attributes: { num_heads: heads } },
    });
  }
}

export interface WhisperShape {
  melBins: number;
  positions: number;
  width: number;
  heads: number;
  layers: number;
}

/** (1, melBins, 2 · positions) `mel` to (1, positions, width) `hidden`. Weights by OpenAI's names, `encoder.…`. */
export function whisperGraph(shape: WhisperShape, type: "f32" | "f16", weights: OnnxWeights): OnnxGraph {
  const { melBins, positions: S, width: D, heads, layers } = shape;
  const g = new GraphBuilder(type, weights);
  g.graph.inputs.push({ name: "mel", type, shape: [1, melBins, 2 * S] });
  const conv = (x: string, name: string, stride: number) => {
    const attributes = { kernel_shape: [3], pads: [1, 1], strides: [stride] };
    const inputs = [x, g.weight(`${name}.weight`), g.weight(`${name}.bias`)];
    return g.gelu(g.node("Conv", inputs, `${name}.out`, { attributes }), `${name}.gelu`, false);
  };
  const convolved = conv(conv("mel", "encoder.conv1", 1), "encoder.conv2", 2);
  const rows = g.transpose(convolved, [0, 2, 1], "rows");
  let x = g.node("Add", [rows, g.weight("encoder.positional_embedding")], "embedded");
  let normed = g.norm(x, "encoder.blocks.0.attn_ln", 1e-5);
  for (let i = 0; i < layers; i++) {
    const at = `encoder.blocks.${i}`;
    const projected = (name: string, bias: boolean) =>
      g.linear(
        normed,
        `${at}.attn.${name}.weight`,
        bias ? `${at}.attn.${name}.bias` : undefined,
        `${at}.${name}`,
      );
    const [q, k, v] = [projected("query", true), projected("key", false), projected("value", true)];
    const attended = g.attention(q, k, v, heads, `${at}.attention`);
    const out = g.linear(attended, `${at}.attn.out.weight`, `${at}.attn.out.bias`, `${at}.attn_out`);
    const middle = g.addNorm(x, out, `${at}.mlp_ln`, 1e-5);
    const up = g.linear(middle.normed, `${at}.mlp.0.weight`, `${at}.mlp.0.bias`, `${at}.up`);
    const down = g.linear(
      g.gelu(up, `${at}.gelu`, false),
      `${at}.mlp.2.weight`,
      `${at}.mlp.2.bias`,
      `${at}.down`,
    );
    const next = i + 1 < layers ? `encoder.blocks.${i + 1}.attn_ln` : "encoder.ln_post";
    ({ sum: x, normed } = g.addNorm(middle.sum, down, next, 1e-5));
  }
  g.graph.outputs.push({ name: normed, type, shape: [1, S, D] });
  return g.graph;
}

export interface SiglipShape {
  imageSize: number;
  patchSize: number;
  side: number;
  width: number;
  heads: number;
  layers: number;
  epsilon: number;
  /** Of the pixel shuffle. */
  factor: number;
}

/**
 * (1, 3, size, size) `pixel_values`, normalized, to (1, R, outputWidth): SigLIP, pixel shuffle as in transformers' idefics3, and
 * the projection. Weights by llama.cpp's names.
 */
export function siglipGraph(shape: SiglipShape, type: "f32" | "f16", weights: OnnxWeights): OnnxGraph {
  const { imageSize: S, patchSize, side, width: D, heads, layers, epsilon, factor } = shape;
  const g = new GraphBuilder(type, weights);
  g.graph.inputs.push({ name: "pixel_values", type, shape: [1, 3, S, S] });
  const attributes = { kernel_shape: [patchSize, patchSize], strides: [patchSize, patchSize] };
  const inputs = ["pixel_values", g.weight("v.patch_embd.weight"), g.weight("v.patch_embd.bias")];
  const patches = g.reshape(g.node("Conv", inputs, "patches", { attributes }), [1, D, side ** 2], "columns");
  let x = g.node(
    "Add",
    [g.transpose(patches, [0, 2, 1], "rows"), g.weight("v.position_embd.weight")],
    "embedded",
  );
  let normed = g.norm(x, "v.blk.0.ln1", epsilon);
  for (let i = 0; i < layers; i++) {
    const at = `v.blk.${i}`;
    const linear = (from: string, name: string) =>
      g.linear(from, `${at}.${name}.weight`, `${at}.${name}.bias`, `${at}.${name}`);
    const [q, k, v] = [linear(normed, "attn_q"), linear(normed, "attn_k"), linear(normed, "attn_v")];
    const attended = g.attention(q, k, v, heads, `${at}.attention`);
    const middle = g.addNorm(x, linear(attended, "attn_out"), `${at}.ln2`, epsilon);
    const up = g.gelu(linear(middle.normed, "ffn_up"), `${at}.gelu`, true);
    const next = i + 1 < layers ? `v.blk.${i + 1}.ln1` : "v.post_ln";
    ({ sum: x, normed } = g.addNorm(middle.sum, linear(up, "ffn_down"), next, epsilon));
  }
  const few = side / factor;
  const wide = factor * D;
  const joined = g.transpose(g.reshape(normed, [1, side, few, wide], "squares"), [0, 2, 1, 3], "turned");
  const square = g.transpose(g.reshape(joined, [1, few, few, factor * wide], "again"), [0, 2, 1, 3], "back");
  const shuffled = g.reshape(square, [1, few ** 2, factor * wide], "shuffled");
  const out = g.linear(shuffled, "mm.model.fc.weight", undefined, "projection");
  g.graph.outputs.push({ name: out, type, shape: [1, few ** 2, "M"] });
  return g.graph;
}
