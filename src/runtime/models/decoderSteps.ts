/**
 * The forward pass of a llama-like decoder as recordings. A layer of a decode step is five dispatches: q, k and v; all of
 * attention; its output projection with the next norm; gate and up; down with the next norm. Norms need no dispatch: whatever
 * computes the residual stream prepares its rows for the next matmul, which applies the norm's factor (see activations.ts).
 */

import type { Activations } from "../../kernels/activations.ts";
import { addMedia } from "../../kernels/addMedia.ts";
import { addNormed } from "../../kernels/addNormed.ts";
import { type AttentionArgs, decodeAttention, prefillAttention } from "../../kernels/attention.ts";
import type { KvCache } from "../../kernels/kvCache.ts";
import { matmul, matmulAdd, matmulGlu, type NextNorm } from "../../kernels/matmul.ts";
import { quantize } from "../../kernels/quantize.ts";
import { rowFetch } from "../../kernels/rowFetch.ts";
import type { Recording } from "../gpu/recording.ts";
import type { Tensor, WeightMatrix } from "../gpu/tensor.ts";
import type { DecoderConfig } from "./config.ts";
import { activationKind, type DecoderWeights, type LayerWeights } from "./decoder.ts";
import { type DecoderState, fusesAttention, type StepInputs } from "./decoderState.ts";

/** What a recording works on. */
export interface DecoderParts {
  config: DecoderConfig;
  weights: DecoderWeights;
  inputs: StepInputs;
  /** One per layer. */
  caches: readonly KvCache[];
  state: DecoderState;
  /** (slots) u32: the token last drawn for each sampling slot. */
  sampled: Tensor;
}

const rows = { of: "tokens" } as const;

/**
 * Token ids to the residual stream after the last layer, prepared for the head; keys and values go to the caches.
 * @param steps "decode": the tokens of a step all belong to different sequences; "any": any mix of tokens
 */
export function recordLayers(rec: Recording, parts: DecoderParts, steps: "decode" | "any"): void {
  const { config, weights, inputs, state: s, sampled } = parts;
  const { layers } = weights;
  // Answers, which decode steps compute, are text.
  const media = steps === "any" ? s.media : undefined;
  const embedding = {
    table: weights.tokenEmbedding,
    scale: config.embeddingScale,
    ids: inputs.tokens,
    sampled,
  };
  rowFetch(rec, { ...embedding, media, out: s.x, next: normBefore(rec, parts, 0), rows }, "token_embd");
  layers.forEach((layer, i) => {
    const at = (name: string) => `blk.${i}.${name}`;
    recordQkv(rec, parts, layer, at("qkv"));
    recordAttention(rec, parts, i, steps, at("attention"));
    const attended = s.attended[activationKind(rec.gpu, layer.attentionOutput)];
    const beforeGate = feedForwardNorm(rec, parts, layer);
    addTo(
      rec,
      parts,
      attended,
      layer.attentionOutput,
      beforeGate,
      at("attn_output"),
      layer.postNorms?.attention,
    );
    // Before the layer's last sum, which prepares the next layer's rows: the order of sums is of no account.
    const deep = steps === "any" ? s.deepMedia[i] : undefined;
    if (deep) addMedia(rec, { x: s.x, ids: inputs.tokens, media: deep, rows }, at("deepstack"));
    recordGated(rec, parts, layer, at("gate_up"));
    addTo(
      rec,
      parts,
      s.gated[activationKind(rec.gpu, layer.down)],
      layer.down,
      normBefore(rec, parts, i + 1),
      at("ffn_down"),
      layer.postNorms?.feedForward,
    );
  });
}

/** The wanted rows of the residual stream to logits (R, V). */
export function recordHead(rec: Recording, { config, weights, inputs, state: s }: DecoderParts): void {
  matmul(
    rec,
    {
      x: s.normed[activationKind(rec.gpu, weights.output)],
      xRows: inputs.outputRows,
      weight: weights.output,
      normalize: { eps: config.rmsEpsilon },
      out: s.logits,
      rows: { of: "outputs" },
    },
    "output",
  );
}

/** The norm before layer `i`, or before the head. */
function normBefore(rec: Recording, { weights, state }: DecoderParts, i: number): NextNorm {
  const layer = weights.layers[i];
  const kind = activationKind(rec.gpu, ...(layer ? layer.qkv : [weights.output]));
  return { weight: layer?.attentionNorm ?? weights.outputNorm, out: state.normed[kind] };
}

function feedForwardNorm(
  rec: Recording,
  { state }: DecoderParts,
  { feedForwardNorm, gateUp }: LayerWeights,
): NextNorm {
  return { weight: feedForwardNorm, out: state.normed[activationKind(rec.gpu, ...gateUp)] };
}

/** x += W · from, behind a norm if there is one, and the next norm of x. */
function addTo(
  rec: Recording,
  { config, state: s }: DecoderParts,
  from: Activations,
  weight: WeightMatrix,
  next: NextNorm,
  label: string,
  postNorm?: Tensor,
): void {
  if (!postNorm) {
    matmulAdd(rec, { x: from, weight, residual: s.x, next, rows }, label);
    return;
  }
  matmul(rec, { x: from, weight, out: s.added, rows }, label);
  const normed = { x: s.added, weight: postNorm, epsilon: config.rmsEpsilon };
  addNormed(rec, { ...normed, residual: s.x, next, rows }, label);
}

function recordQkv(
  rec: Recording,
  { config, state: s }: DecoderParts,
  layer: LayerWeights,
  label: string,
): void {
  const x = s.normed[activationKind(rec.gpu, ...layer.qkv)];
  const outStride = (config.heads + 2 * config.kvHeads) * config.headWidth;
  let outStart = 0;
  for (const weight of layer.qkv) {
    const output = { out: s.qkv, outStart, outStride, bias: layer.qkvBias };
    matmul(rec, { x, weight, normalize: { eps: config.rmsEpsilon }, ...output, rows }, label);
    outStart += weight.rows;
  }
}

function recordAttention(
  rec: Recording,
  { config, weights, inputs, caches, state: s }: DecoderParts,
  i: number,
  steps: "decode" | "any",
  label: string,
): void {
  const layer = weights.layers[i]!;
  const { rope, slidingWindow } = config;
  const local = slidingWindow && (i + 1) % slidingWindow.period !== 0 ? slidingWindow : undefined;
  const out = s.attended[activationKind(rec.gpu, layer.attentionOutput)];
  // In prefill for software adapters only, where a dispatch counts.
  const direct = (steps === "decode" || rec.gpu.software) && fusesAttention(config);
  const args: AttentionArgs = {
    qkv: s.qkv,
    cache: caches[i]!,
    inputs,
    heads: config.heads,
    headNorm: layer.headNorm,
    rope: {
      ropeWidth: rope.width,
      mode: rope.mode,
      thetaBase: local?.thetaBase ?? rope.thetaBase,
      positionScale: local ? 1 : rope.positionScale,
      frequencyFactors: weights.ropeFactors,
      axes: rope.axes,
    },
    window: local?.size,
    faults: s.faults,
    out: direct ? out : s.attendedValues,
    scale: config.queryScale ?? 1 / Math.sqrt(config.headWidth),
    scratch: s.attentionScratch,
  };
  (steps === "decode" ? decodeAttention : prefillAttention)(rec, args, label);
  if (!direct) quantize(rec, { x: s.attendedValues, out, rows }, label);
}

function recordGated(
  rec: Recording,
  { config, state: s }: DecoderParts,
  layer: LayerWeights,
  label: string,
): void {
  const x = s.normed[activationKind(rec.gpu, ...layer.gateUp)];
  const out = s.gated[activationKind(rec.gpu, layer.down)];
  const normalize = { eps: config.rmsEpsilon };
  const { gate = "silu" } = config;
  matmulGlu(rec, { x, weights: layer.gateUp, normalize, scratch: () => s.gateUp, gate, out, rows }, label);
}
