import { describe, expect, test } from "vitest";
import { cutTiny, whisperSiblings, whisperTensors } from "../../weights/testing/whisperFiles.ts";
import { alignmentHeads, configOfJson, configOfSizes } from "./config.ts";
import { openAiNames, whisperRequests } from "./weights.ts";

const json = JSON.parse(whisperSiblings(cutTiny)["config.json"]!);

test("both kinds of file give one configuration", () => {
  expect(configOfJson(json, undefined)).toEqual(configOfSizes(cutTiny));
});

test("the heads that align are the model's own, or those of the upper layers", () => {
  const named = configOfJson(json, {
    alignment_heads: [
      [0, 5],
      [0, 2],
    ],
  });
  expect(alignmentHeads(named)).toEqual([
    [0, 5],
    [0, 2],
  ]);
  expect(alignmentHeads(configOfSizes({ ...cutTiny, textLayers: 4, textHeads: 2 }))).toEqual([
    ...[
      [2, 0],
      [2, 1],
      [3, 0],
      [3, 1],
    ],
  ]);
  expect(alignmentHeads(configOfJson(json, { alignment_heads: [] }))).toHaveLength(6);
});

describe("refuses", () => {
  test.each([
    { change: { model_type: "bert" }, message: /kind "bert"/ },
    { change: { d_model: 0 }, message: /d_model is 0/ },
    { change: { d_model: "384" }, message: /d_model is "384"/ },
    { change: { vocab_size: 1e9 }, message: /vocab_size is 1000000000/ },
    { change: { encoder_attention_heads: 7 }, message: /7 heads.*encoder/ },
    { change: { decoder_attention_heads: 192 }, message: /192 heads.*decoder/ },
    { change: { num_mel_bins: 81 }, message: /81 mel bins/ },
    { change: { max_target_positions: 4 }, message: /context of 4 tokens/ },
  ])("$message", ({ change, message }) => {
    expect(() => configOfJson({ ...json, ...change }, undefined)).toThrow(message);
  });

  test("what is no object, and heads that are none", () => {
    expect(() => configOfJson([], undefined)).toThrow(/config\.json is not a JSON object/);
    expect(() => configOfJson(json, 5)).toThrow(/generation_config\.json is not/);
    expect(() => configOfJson(json, { alignment_heads: [[1, 0]] })).toThrow(/the model has not/);
    expect(() => configOfJson(json, { alignment_heads: [["a", 0]] })).toThrow(/no list of pairs/);
    expect(() => configOfSizes({ ...cutTiny, audioWidth: 512, audioHeads: 8 })).toThrow(/512 wide.*384/);
  });
});

test("every tensor of a file is asked for, by either name", () => {
  const sizes = { ...cutTiny, audioLayers: 2, textLayers: 3 };
  const requests = whisperRequests(configOfSizes(sizes));
  const tensors = whisperTensors(sizes);
  const needed = requests.filter(({ optional }) => optional !== "zeros").map(({ name }) => name);
  const names = tensors.map(({ name }) => name);
  expect(names.filter((name) => !requests.some((request) => request.name === name))).toEqual([]);
  expect(needed.filter((name) => !names.includes(name))).toEqual([]);
  const hugging = (name: string) => ({
    name,
    ggmlType: 0,
    type: undefined,
    shape: [1],
    offsetBytes: 0,
    sizeBytes: 0,
  });
  expect(
    openAiNames(
      [
        "model.encoder.layers.1.self_attn.q_proj.weight",
        "model.encoder.layers.0.final_layer_norm.bias",
        "model.encoder.layer_norm.weight",
        "model.encoder.embed_positions.weight",
        "model.encoder.conv1.weight",
        "model.decoder.layers.2.encoder_attn.out_proj.bias",
        "model.decoder.layers.2.encoder_attn_layer_norm.weight",
        "model.decoder.layers.2.self_attn_layer_norm.weight",
        "model.decoder.layers.10.fc1.weight",
        "model.decoder.embed_tokens.weight",
        "model.decoder.layer_norm.bias",
      ].map(hugging),
    ).map(({ name }) => name),
  ).toEqual([
    "encoder.blocks.1.attn.query.weight",
    "encoder.blocks.0.mlp_ln.bias",
    "encoder.ln_post.weight",
    "encoder.positional_embedding",
    "encoder.conv1.weight",
    "decoder.blocks.2.cross_attn.out.bias",
    "decoder.blocks.2.cross_attn_ln.weight",
    "decoder.blocks.2.attn_ln.weight",
    "decoder.blocks.10.mlp.0.weight",
    "decoder.token_embedding.weight",
    "decoder.ln.bias",
  ]);
});
