/**
 * A llama as an ONNX file with random 4-bit weights, as exporters for browsers make them: com.microsoft's MatMulNBits
 * (blocks of 32, activations as int8), GroupQueryAttention with RoPE in it and keys and values passed from run to run, norms
 * joined with residuals; logits of all positions. Operators: onnxruntime's docs/ContribOperators.md.
 */

import type { DecoderConfig } from "../../src/runtime/models/config.ts";
import type { ElementType, OnnxGraph, OnnxNode } from "./onnxFile.ts";

const microsoft = "com.microsoft";
const blockWeights = 32;

/** @param positions most of a conversation */
export function llamaGraph(config: DecoderConfig, positions: number): OnnxGraph {
  const { layers, width: D, heads: H, kvHeads: K, headWidth: E, feedForwardWidth: F, vocab: V } = config;
  const graph: OnnxGraph = { nodes: [], initializers: [], inputs: [], outputs: [] };
  const node = (op: string, inputs: string[], outputs: string[], more: Partial<OnnxNode> = {}) => {
    graph.nodes.push({ op, inputs, outputs, ...more });
    return outputs[0]!;
  };
  const initializer = (name: string, type: ElementType, sizes: number[], values: ArrayBufferView) => {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    graph.initializers.push({ name, type, shape: sizes, bytes });
    return name;
  };
  const ones = (name: string, length: number) =>
    initializer(name, "f32", [length], new Float32Array(length).fill(1));
  /** y = x · Wᵀ with W (rows, columns). */
  const matmul = (x: string, name: string, rows: number, columns: number) => {
    const blocks = columns / blockWeights;
    const quants = Uint8Array.from({ length: (rows * columns) / 2 }, (_, i) => (i * 2_654_435_761) >>> 24);
    // About unit gain: 4-bit numbers around 8 have a deviation of 4.6.
    const scales = new Float32Array(rows * blocks).fill(1 / (4.6 * Math.sqrt(columns)));
    const weights = [
      initializer(`${name}.weight`, "u8", [rows, blocks, blockWeights / 2], quants),
      initializer(`${name}.scales`, "f32", [rows * blocks], scales),
    ];
    const attributes = { K: columns, N: rows, bits: 4, block_size: blockWeights, accuracy_level: 4 };
    return node("MatMulNBits", [x, ...weights], [`${name}.out`], { domain: microsoft, attributes });
  };
  const epsilon = { epsilon: { float: 1e-5 } };
  /** The sum of both and its norm. */
  const addNorm = (x: string, y: string, name: string) => {
    const outputs = [`${name}.out`, "", "", `${name}.sum`];
    const inputs = [x, y, ones(`${name}.weight`, D)];
    node("SkipSimplifiedLayerNormalization", inputs, outputs, { domain: microsoft, attributes: epsilon });
    return { normed: outputs[0]!, sum: outputs[3]! };
  };

  graph.inputs.push(
    { name: "input_ids", type: "i64", shape: [1, "T"] },
    { name: "seqlens_k", type: "i32", shape: [1] },
    { name: "total_sequence_length", type: "i32", shape: [1] },
  );
  const angles = Array.from({ length: positions * (E / 2) }, (_, i) => {
    const position = Math.floor(i / (E / 2));
    return position * 10_000 ** (-(i % (E / 2)) / (E / 2));
  });
  const cos = initializer("cos", "f32", [positions, E / 2], Float32Array.from(angles, Math.cos));
  const sin = initializer("sin", "f32", [positions, E / 2], Float32Array.from(angles, Math.sin));

  const table = Float32Array.from({ length: V * D }, (_, i) => Math.sin(i * 12.9898));
  let x = node("Gather", [initializer("embedding", "f32", [V, D], table), "input_ids"], ["embedded"]);
  let normed = node("SimplifiedLayerNormalization", [x, ones("norm.weight", D)], ["norm.out"], {
    attributes: { ...epsilon, axis: 2 },
  });
  for (let layer = 0; layer < layers; layer++) {
    const at = (name: string) => `layers.${layer}.${name}`;
    const qkv = matmul(normed, at("qkv"), (H + 2 * K) * E, D);
    const [pastKey, pastValue] = [`past_key_values.${layer}.key`, `past_key_values.${layer}.value`];
    const outputs = [at("attention"), `present.${layer}.key`, `present.${layer}.value`];
    node(
      "GroupQueryAttention",
      [qkv, "", "", pastKey, pastValue, "seqlens_k", "total_sequence_length", cos, sin],
      outputs,
      {
        domain: microsoft,
        attributes: { num_heads: H, kv_num_heads: K, do_rotary: 1, scale: { float: 1 / Math.sqrt(E) } },
      },
    );
    for (const name of [pastKey, pastValue])
      graph.inputs.push({ name, type: "f32", shape: [1, K, "past", E] });
    for (const name of outputs.slice(1)) graph.outputs.push({ name, type: "f32", shape: [1, K, "total", E] });
    const attended = matmul(outputs[0]!, at("o"), D, H * E);
    const middle = addNorm(x, attended, at("post_norm"));
    const gate = matmul(middle.normed, at("gate"), F, D);
    const up = matmul(middle.normed, at("up"), F, D);
    const sigmoid = node("Sigmoid", [gate], [at("sigmoid")]);
    const silu = node("Mul", [gate, sigmoid], [at("silu")]);
    const gated = node("Mul", [silu, up], [at("gated")]);
    const down = matmul(gated, at("down"), D, F);
    ({ normed, sum: x } = addNorm(middle.sum, down, at("next_norm")));
  }
  const logits = matmul(normed, "lm_head", V, D);
  graph.outputs.push({ name: logits, type: "f32", shape: [1, "T", V] });
  return graph;
}
