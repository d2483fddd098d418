import { describe, expect, test } from "vitest";
import type { GgufHeader, MetadataValue } from "../weights/types.ts";
import { modelConfig } from "./architectures.ts";
import { decoderTensors } from "./decoder.ts";

/** The header of SmolLM2-135M's shape, with changes; undefined removes a key. */
function header(changes: Record<string, MetadataValue | undefined> = {}): GgufHeader {
  const metadata = new Map<string, MetadataValue>(
    Object.entries({
      "general.architecture": "llama",
      "llama.context_length": 8192,
      "llama.embedding_length": 576,
      "llama.block_count": 30,
      "llama.feed_forward_length": 1536,
      "llama.attention.head_count": 9,
      "llama.attention.head_count_kv": 3,
      "llama.attention.layer_norm_rms_epsilon": 1e-5,
      "llama.rope.freq_base": 100_000,
    }),
  );
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) metadata.delete(key);
    else metadata.set(key, value);
  }
  const embedding = {
    ggmlType: 8,
    type: "q8_0" as const,
    shape: [49_152, 576],
    offsetBytes: 0,
    sizeBytes: 0,
  };
  return { version: 3, metadata, tensors: [{ name: "token_embd.weight", ...embedding }], dataOffsetBytes: 0 };
}

const refusal = (changes: Record<string, MetadataValue | undefined>) => {
  try {
    modelConfig(header(changes));
  } catch (error) {
    return error;
  }
  throw new Error("was accepted");
};

const gemma = (changes: Record<string, MetadataValue | undefined> = {}): GgufHeader => {
  const { metadata, ...rest } = header(changes);
  const entries = [...metadata].map(([key, value]) => [key.replace("llama.", "gemma3."), value] as const);
  return { ...rest, metadata: new Map([...entries, ["general.architecture", "gemma3"]]) };
};

describe("Gemma 3's configuration", () => {
  const window = { "gemma3.attention.sliding_window": 512 };

  test("scales, windows and norms that metadata only hints at", () => {
    const config = modelConfig(gemma({ ...window, "gemma3.attention.key_length": 256 }));
    expect(config).toMatchObject({
      ...{ postNorms: true, gate: "geluTanh", headNorm: true, embeddingScale: 24, queryScale: 1 / 16 },
      slidingWindow: { size: 512, period: 6, thetaBase: 10_000 },
    });
    const names = decoderTensors(config).map(({ name }) => name);
    expect(names).toContain("blk.29.post_attention_norm.weight");
    expect(names).toContain("blk.0.post_ffw_norm.weight");
    const largest = { ...window, "gemma3.attention.key_length": 256, "llama.block_count": 62 };
    expect(modelConfig(gemma(largest)).queryScale).toBe(1 / 8);
  });

  test("what it lacks, or asks for beyond that, is named", () => {
    expect(() => modelConfig(gemma())).toThrow(/no gemma3\.attention\.sliding_window/);
    expect(() => modelConfig(gemma({ ...window, "gemma3.final_logit_softcapping": 30 }))).toThrow(/soft cap/);
  });
});

describe("a decoder's configuration", () => {
  test("from metadata, with the defaults that files leave out", () => {
    expect(modelConfig(header())).toEqual({
      architecture: "llama",
      contextLength: 8192,
      layers: 30,
      width: 576,
      heads: 9,
      kvHeads: 3,
      headWidth: 64,
      feedForwardWidth: 1536,
      vocab: 49_152,
      rmsEpsilon: 1e-5,
      rope: { mode: "norm", width: 64, thetaBase: 100_000, positionScale: 1 },
      headNorm: false,
      deepstackLayers: 0,
    });
    const old = header({ "llama.attention.head_count_kv": undefined, "llama.rope.freq_base": undefined });
    expect(modelConfig(old)).toMatchObject({ kvHeads: 9, rope: { thetaBase: 10_000 } });
  });

  test("linear position scaling divides positions", () => {
    const scaled = header({ "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4 });
    expect(modelConfig(scaled).rope.positionScale).toBe(0.25);
  });

  test("qwen3 has its own rotation, head width and head norms", () => {
    const renamed: Record<string, MetadataValue> = { "general.architecture": "qwen3" };
    for (const [key, value] of header().metadata) renamed[key.replace("llama.", "qwen3.")] = value;
    renamed["general.architecture"] = "qwen3";
    renamed["qwen3.attention.key_length"] = 128;
    renamed["qwen3.attention.value_length"] = 128;
    const config = modelConfig(header(renamed));
    expect(config).toMatchObject({ headWidth: 128, headNorm: true, rope: { mode: "neox", width: 128 } });
    const names = decoderTensors(config).map(({ name }) => name);
    expect(names).toContain("blk.29.attn_k_norm.weight");
    expect(new Set(names).size).toBe(names.length);
  });

  describe("qwen3vl", () => {
    const vision = (changes: Record<string, MetadataValue>) => {
      const renamed: Record<string, MetadataValue> = {};
      for (const [key, value] of header().metadata) renamed[key.replace("llama.", "qwen3vl.")] = value;
      const sections = { "qwen3vl.rope.dimension_sections": [12, 10, 10, 0] };
      return header({ ...renamed, ...sections, "general.architecture": "qwen3vl", ...changes });
    };

    test("has positions of three coordinates, in turn over the pairs", () => {
      const { rope, deepstackLayers } = modelConfig(vision({ "qwen3vl.n_deepstack_layers": 3 }));
      expect(deepstackLayers).toBe(3);
      expect(rope.axes?.map(({ axis }) => axis).join("")).toBe(`${"012".repeat(10)}00`);
      expect(rope.axes?.map(({ exponent }) => exponent * 32)).toEqual(
        Array.from({ length: 32 }, (_, i) => i),
      );
      expect(modelConfig(vision({})).deepstackLayers).toBe(0);
    });

    test.each<[string, MetadataValue]>([
      ["rope.dimension_sections", [12, 10, 9, 0]],
      ["rope.dimension_sections", [12, 10, 10]],
      ["rope.dimension_sections", [12, 30, -10, 0]],
      ["rope.dimension_sections", [11, 10, 10, 1]],
      ["n_deepstack_layers", 31],
      ["n_deepstack_layers", 1.5],
    ])("%s of %j is refused by name", (key, value) => {
      expect(() => modelConfig(vision({ [`qwen3vl.${key}`]: value }))).toThrow(`qwen3vl.${key}`);
    });
  });

  test.each([
    ["general.architecture", "mamba", "unsupported_model", "mamba"],
    ["general.architecture", undefined, "bad_model_file", "general.architecture"],
    ["llama.block_count", undefined, "bad_model_file", "llama.block_count"],
    ["llama.block_count", 2 ** 40, "bad_model_file", "llama.block_count"],
    ["llama.embedding_length", 0, "bad_model_file", "llama.embedding_length"],
    ["llama.embedding_length", 576.5, "bad_model_file", "llama.embedding_length"],
    ["llama.attention.head_count", [9, 9], "bad_model_file", "not a number"],
    ["llama.attention.head_count_kv", 2, "bad_model_file", "multiple"],
    ["llama.attention.key_length", 60, "unsupported_model", "60"],
    ["llama.attention.value_length", 128, "unsupported_model", "128"],
    ["llama.rope.dimension_count", 33, "unsupported_model", "33"],
    ["llama.rope.dimension_count", 128, "bad_model_file", "llama.rope.dimension_count"],
    ["llama.rope.scaling.type", "yarn", "unsupported_model", "yarn"],
    ["llama.expert_count", 8, "unsupported_model", "experts"],
    ["llama.attention.layer_norm_rms_epsilon", "small", "bad_model_file", "layer_norm_rms_epsilon"],
  ] as const)("%s = %s is refused by name", (key, value, code, words) => {
    const error = refusal({ [key]: value as MetadataValue | undefined });
    expect(error).toMatchObject({ code, message: expect.stringContaining(words) });
  });

  test("a file without an embedding", () => {
    expect(() => modelConfig({ ...header(), tensors: [] })).toThrow(/token_embd/);
  });
});
