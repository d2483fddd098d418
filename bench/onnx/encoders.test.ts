import { expect, test } from "vitest";
import { type OnnxWeight, siglipGraph, whisperGraph } from "./encoders.ts";
import type { OnnxGraph } from "./onnxFile.ts";

const whisper = { melBins: 8, positions: 6, width: 16, heads: 2, layers: 2 };
const siglip = {
  imageSize: 32,
  patchSize: 8,
  side: 4,
  width: 16,
  heads: 2,
  layers: 2,
  epsilon: 1e-6,
  factor: 2,
};

/** Weights of whatever is asked for, and what was. */
function weights(): { of: (name: string) => OnnxWeight; asked: string[] } {
  const asked: string[] = [];
  const shapeOf = (name: string) => {
    if (/conv1\.weight/.test(name)) return [16, 8, 3];
    if (/conv2\.weight/.test(name)) return [16, 16, 3];
    if (/patch_embd\.weight/.test(name)) return [16, 3, 8, 8];
    if (/fc\.weight/.test(name)) return [5, 64];
    if (/(mlp\.0|ffn_up)\.weight/.test(name)) return [64, 16];
    if (/(mlp\.2|ffn_down)\.weight/.test(name)) return [16, 64];
    if (/attn[._](q|k|v|out|query|key|value)[^.]*\.weight/.test(name)) return [16, 16];
    return [16];
  };
  const of = (name: string) => {
    asked.push(name);
    const shape = shapeOf(name);
    return { shape, values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i) };
  };
  return { of, asked };
}

/** Every value is made once and before it is read. */
function expectSound({ nodes, initializers, inputs, outputs }: OnnxGraph): void {
  const known = new Set([...inputs, ...initializers].map(({ name }) => name));
  expect(known.size).toBe(inputs.length + initializers.length);
  for (const node of nodes) {
    for (const input of node.inputs) expect(known, `${node.op} reads ${input}`).toContain(input);
    for (const output of node.outputs.filter(Boolean)) {
      expect(known).not.toContain(output);
      known.add(output);
    }
  }
  for (const { name } of outputs) expect(known).toContain(name);
}

test.each(["f32", "f16"] as const)("graphs are sound, and ask for each weight once: %s", (type) => {
  for (const graph of [whisperGraph, siglipGraph]) {
    const { of, asked } = weights();
    const made = graph === whisperGraph ? whisperGraph(whisper, type, of) : siglipGraph(siglip, type, of);
    expectSound(made);
    expect(new Set(asked).size).toBe(asked.length);
    const attention = made.nodes.filter(({ op }) => op === "MultiHeadAttention");
    expect(attention).toHaveLength(2);
    expect(made.inputs[0]!.type).toBe(type);
  }
});

test("weights of linear layers are transposed", () => {
  const { of } = weights();
  const { initializers } = siglipGraph(siglip, "f32", of);
  const up = initializers.find(({ name }) => name === "v.blk.0.ffn_up.weight")!;
  expect(up.shape).toEqual([16, 64]);
  // W[n, k] = 16 n + k lies at k · 64 + n.
  const values = new Float32Array(up.bytes.slice().buffer);
  expect([values[0], values[1], values[64], values[65]]).toEqual([0, 16, 1, 17]);
});
