/** Reads a decoder's sizes from GGUF metadata, and refuses what cannot be run, by name. */

import type { GateActivation } from "../../kernels/matmul.ts";
import type { PairAxis } from "../../kernels/rope.ts";
import { interleavedMropeAxes } from "../../kernels/ropeAxes.ts";
import { badModelFile, unsupportedModel } from "../errors.ts";
import type { GgufHeader, MetadataValue } from "../weights/types.ts";

/** The sizes of a decoder-only transformer; letters as in `gpu/tensor.ts`. */
export interface DecoderConfig {
  architecture: string;
  /** Positions the model was trained for. */
  contextLength: number;
  /** L */
  layers: number;
  /** D */
  width: number;
  /** H */
  heads: number;
  /** K */
  kvHeads: number;
  /** E */
  headWidth: number;
  /** F */
  feedForwardWidth: number;
  /** V */
  vocab: number;
  rmsEpsilon: number;
  rope: RopeConfig;
  /** RMSNorm over each head of q and k before RoPE. */
  headNorm: boolean;
  /** RMSNorm also of what attention and feed-forward add, before they add it. */
  postNorms?: boolean;
  /** What gates of the feed-forward pass. @default "silu" */
  gate?: GateActivation;
  /** Multiplies rows of the embedding, but not rows of media. @default 1 */
  embeddingScale?: number;
  /** Multiplies q · k. @default 1 / sqrt(E) */
  queryScale?: number;
  /** Where most layers see only so many positions: */
  slidingWindow?: SlidingWindow;
  /** Layers, from the first on, behind which rows of media are added to (DeepStack). */
  deepstackLayers: number;
}

export interface SlidingWindow {
  /** Positions that such a layer sees, its own included. */
  size: number;
  /** Every so many layers, the last one sees all. */
  period: number;
  /** Of RoPE in layers with a window, whose positions are not scaled. */
  thetaBase: number;
}

export interface RopeConfig {
  /** `norm` rotates pairs (2i, 2i+1), `neox` pairs (i, i + width/2). */
  mode: "norm" | "neox";
  /** Elements of a head that are rotated, from the first. */
  width: number;
  thetaBase: number;
  /** Positions are multiplied by this (linear scaling). */
  positionScale: number;
  /** Where positions are (time, row, column): which of them turns each pair. */
  axes?: readonly PairAxis[];
}

/** Typed look-ups of `{prefix}.{key}`; every error names the key. */
export class Keys {
  /** @param prefix an architecture, or whose part of the metadata it is */
  constructor(
    private readonly metadata: ReadonlyMap<string, MetadataValue>,
    private readonly prefix: string,
  ) {}

  value(key: string): { name: string; value: MetadataValue | undefined } {
    const name = `${this.prefix}.${key}`;
    return { name, value: this.metadata.get(name) };
  }

  number(key: string, fallback?: number): number {
    const { name, value } = this.value(key);
    if (value === undefined) {
      if (fallback !== undefined) return fallback;
      throw badModelFile(`The file has no ${name}.`, name);
    }
    if (typeof value !== "number" || !Number.isFinite(value))
      throw badModelFile(`${name} is not a number.`, name);
    return value;
  }

  /** A list of `count` numbers. */
  numbers(key: string, count: number): number[] {
    const { name, value } = this.value(key);
    if (value === undefined) throw badModelFile(`The file has no ${name}.`, name);
    const isList = Array.isArray(value) && value.length === count;
    if (!isList || !value.every((item) => typeof item === "number" && Number.isFinite(item)))
      throw badModelFile(`${name} is not a list of ${count} numbers.`, name);
    return value as number[];
  }

  /** A size: a whole number from 1 to `limit`. */
  size(key: string, limit: number, fallback?: number): number {
    const value = this.number(key, fallback);
    if (!Number.isInteger(value) || value < 1 || value > limit)
      throw badModelFile(
        `${this.prefix}.${key} is ${value}; expected a whole number from 1 to ${limit}.`,
        `${this.prefix}.${key}`,
      );
    return value;
  }
}

export interface ArchitectureTraits {
  ropeMode: RopeConfig["mode"];
  headNorm: boolean;
  /** Positions are (time, row, column), in turn over the pairs: `rope.dimension_sections` says how many pairs each has. */
  interleavedMrope?: boolean;
}

/**
 * The configuration of a llama-like decoder.
 * @throws OmniError `bad_model_file` (a key is missing or absurd), `unsupported_model` (experts, rope scaling, head width)
 */
export function decoderConfig(
  header: GgufHeader,
  architecture: string,
  traits: ArchitectureTraits,
): DecoderConfig {
  const keys = new Keys(header.metadata, architecture);
  const width = keys.size("embedding_length", 65_536);
  const heads = keys.size("attention.head_count", 1024);
  const kvHeads = keys.size("attention.head_count_kv", 1024, heads);
  if (heads % kvHeads !== 0)
    throw badModelFile(
      `${architecture}.attention.head_count (${heads}) is not a multiple of head_count_kv (${kvHeads}).`,
      `${architecture}.attention.head_count_kv`,
    );
  const headWidth = keys.size("attention.key_length", 1024, Math.floor(width / heads));
  const valueWidth = keys.size("attention.value_length", 1024, headWidth);
  if (headWidth % 8 !== 0 || headWidth > 256 || valueWidth !== headWidth)
    throw unsupportedModel(
      `Heads of width ${headWidth} (keys) and ${valueWidth} (values) are not supported: equal multiples of 8 up to 256 are.`,
      `${architecture}.attention.key_length`,
    );
  const ropeWidth = keys.size("rope.dimension_count", headWidth, headWidth);
  if (ropeWidth % 2 !== 0)
    throw unsupportedModel(
      `RoPE over ${ropeWidth} elements is not even.`,
      `${architecture}.rope.dimension_count`,
    );
  if (keys.number("expert_count", 0) > 0)
    throw unsupportedModel("Mixtures of experts are not supported yet.", `${architecture}.expert_count`);
  const layers = keys.size("block_count", 1024);
  const embedding = header.tensors.find(({ name }) => name === "token_embd.weight");
  if (!embedding) throw badModelFile("The file has no tensor token_embd.weight.", "token_embd.weight");
  return {
    architecture,
    contextLength: keys.size("context_length", 2 ** 24),
    layers,
    width,
    heads,
    kvHeads,
    headWidth,
    feedForwardWidth: keys.size("feed_forward_length", 2 ** 20),
    vocab: embedding.shape[0] ?? 0,
    rmsEpsilon: keys.number("attention.layer_norm_rms_epsilon", 1e-5),
    rope: {
      mode: traits.ropeMode,
      width: ropeWidth,
      thetaBase: keys.number("rope.freq_base", 10_000),
      positionScale: positionScale(keys),
      ...(traits.interleavedMrope && { axes: interleavedMropeAxes(ropeSections(keys, ropeWidth / 2)) }),
    },
    headNorm: traits.headNorm,
    deepstackLayers: deepstackLayers(keys, layers),
  };
}

function positionScale(keys: Keys): number {
  const { name, value } = keys.value("rope.scaling.type");
  if (value === undefined || value === "none" || value === "") return 1;
  if (value === "linear") return 1 / keys.number("rope.scaling.factor", 1);
  throw unsupportedModel(`RoPE scaling "${String(value)}" is not supported.`, name);
}

/** Pairs turned by time, row and column. The fourth number of a file is of no use to pictures. */
function ropeSections(keys: Keys, pairs: number): [number, number, number] {
  const sections = keys.numbers("rope.dimension_sections", 4);
  const [time = 0, rows = 0, columns = 0, more] = sections;
  const whole = sections.every((count) => Number.isInteger(count) && count >= 0);
  if (!whole || time === 0 || time + rows + columns !== pairs || more !== 0)
    throw badModelFile(
      `${keys.value("rope.dimension_sections").name} is ${sections.join(", ")}; expected three numbers of ${pairs} in all, and 0.`,
      keys.value("rope.dimension_sections").name,
    );
  return [time, rows, columns];
}

function deepstackLayers(keys: Keys, layers: number): number {
  const { name } = keys.value("n_deepstack_layers");
  const count = keys.number("n_deepstack_layers", 0);
  // Each takes as much memory as the rows of media themselves.
  if (Number.isInteger(count) && count >= 0 && count <= Math.min(layers, 8)) return count;
  throw badModelFile(`${name} is ${count}; expected a whole number up to ${Math.min(layers, 8)}.`, name);
}
