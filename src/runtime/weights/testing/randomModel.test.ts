import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { dequantize } from "../dequantize.ts";
import { parseGguf } from "../gguf.ts";
import type { GgufHeader } from "../types.ts";
import { makeRandomModel, type RandomModel } from "./randomModel.ts";

const shape: RandomModel = {
  architecture: "llama",
  layers: 2,
  width: 96,
  heads: 3,
  kvHeads: 1,
  headWidth: 32,
  feedForward: 160,
  vocab: 301,
  type: "q8_0",
};

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

function header(model: RandomModel): GgufHeader {
  const file = makeRandomModel(model);
  return parseGguf(file, file.length) as GgufHeader;
}

describe("makeRandomModel", () => {
  // The goldens of model parity were made from files with these bytes: a change here makes them stale.
  it.each<[Partial<RandomModel>, string]>([
    [{}, "a354cb3410a7fd61"],
    [{ type: "q4_0", tied: false, ropeFreqs: true, version: 2 }, "1af8b4e96c1bce4d"],
    [{ architecture: "qwen3", type: "f16", headWidth: 8, heads: 4, kvHeads: 4, seed: 9 }, "8eb8e661a36ccd9c"],
    [{ architecture: "qwen3", type: "f32", width: 24, chatTemplate: "{{ messages }}" }, "1c4b6646a688ea0d"],
  ])("%o: the same bytes everywhere", (change, expected) => {
    expect(digest(makeRandomModel({ ...shape, ...change }))).toBe(expected);
  });

  it("has the tensors of its architecture", () => {
    const llama = header(shape);
    expect(llama.tensors.map(({ name }) => name)).toEqual([
      "token_embd.weight",
      ...[0, 1].flatMap((layer) =>
        [
          "attn_norm",
          "attn_q",
          "attn_k",
          "attn_v",
          "attn_output",
          "ffn_norm",
          "ffn_gate",
          "ffn_up",
          "ffn_down",
        ].map((part) => `blk.${layer}.${part}.weight`),
      ),
      "output_norm.weight",
    ]);
    const shapes = new Map(llama.tensors.map(({ name, shape, type }) => [name, [type, ...shape]]));
    expect(shapes.get("token_embd.weight")).toEqual(["q8_0", 301, 96]);
    expect(shapes.get("blk.1.attn_k.weight")).toEqual(["q8_0", 32, 96]);
    expect(shapes.get("blk.1.ffn_down.weight")).toEqual(["q8_0", 96, 160]);
    expect(shapes.get("output_norm.weight")).toEqual(["f32", 96]);

    const qwen = header({ ...shape, architecture: "qwen3", tied: false, ropeFreqs: true });
    const names = qwen.tensors.map(({ name }) => name);
    for (const name of [
      "blk.0.attn_q_norm.weight",
      "blk.1.attn_k_norm.weight",
      "output.weight",
      "rope_freqs.weight",
    ])
      expect(names).toContain(name);
    expect(qwen.metadata.get("qwen3.attention.key_length")).toBe(32);
    expect(qwen.metadata.get("qwen3.rope.freq_base")).toBe(10_000);
  });

  it("has a whole vocabulary: distinct tokens, all bytes", () => {
    const { metadata } = header(shape);
    const tokens = metadata.get("tokenizer.ggml.tokens") as string[];
    expect(new Set(tokens).size).toBe(301);
    expect(tokens.slice(0, 4)).toEqual(["<unk>", "<s>", "</s>", "<0x00>"]);
    expect(tokens[3 + 255]).toBe("<0xFF>");
    expect((metadata.get("tokenizer.ggml.token_type") as number[]).slice(0, 4)).toEqual([2, 3, 3, 6]);
    expect((metadata.get("tokenizer.ggml.scores") as number[]).length).toBe(301);
    expect(() => makeRandomModel({ ...shape, vocab: 100 })).toThrow(/286 tokens or more/);
  });

  it("has weights of unit gain with outliers", () => {
    const file = makeRandomModel({ ...shape, type: "f32", width: 256 });
    const { tensors } = parseGguf(file, file.length) as GgufHeader;
    const { offsetBytes, sizeBytes } = tensors.find(({ name }) => name === "blk.0.ffn_up.weight")!;
    const weights = dequantize("f32", file.subarray(offsetBytes, offsetBytes + sizeBytes), 160 * 256);
    const mean = weights.reduce((sum, w) => sum + w, 0) / weights.length;
    const deviation = Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0) / weights.length) * 16;
    expect(Math.abs(mean)).toBeLessThan(0.002);
    expect(deviation).toBeGreaterThan(1);
    expect(deviation).toBeLessThan(1.3);
    expect(weights.reduce((most, w) => Math.max(most, Math.abs(w)), 0) * 16).toBeGreaterThan(8);
  });
});
