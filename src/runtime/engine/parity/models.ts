/** The random-weight models on which parity with llama.cpp is tested: awkward shapes, every weight type. */

import { type WeightType, weightFormats } from "../../gpu/tensor.ts";
import { seededRandom } from "../../weights/testing/random.ts";
import type { RandomModel } from "../../weights/testing/randomModel.ts";

/** Group sizes 1, 3 and 4; head widths 8, 64, 96 and 128; widths and vocabularies that divide by no large power of 2. */
const shapes: Record<string, Omit<RandomModel, "type">> = {
  "llama-e8-g1": {
    architecture: "llama",
    layers: 2,
    width: 96,
    heads: 12,
    kvHeads: 12,
    headWidth: 8,
    feedForward: 160,
    vocab: 291,
    seed: 11,
    version: 2,
  },
  "llama-e64-g3": {
    architecture: "llama",
    layers: 3,
    width: 192,
    heads: 3,
    kvHeads: 1,
    headWidth: 64,
    feedForward: 544,
    vocab: 331,
    seed: 12,
    tied: false,
    ropeFreqs: true,
    ropeTheta: 500_000,
  },
  "qwen3-e96-g4": {
    architecture: "qwen3",
    layers: 2,
    width: 160,
    heads: 8,
    kvHeads: 2,
    headWidth: 96,
    feedForward: 416,
    vocab: 299,
    seed: 13,
    ropeTheta: 1_000_000,
    normEpsilon: 1e-6,
  },
  "qwen3-e128-g3": {
    architecture: "qwen3",
    layers: 2,
    width: 224,
    heads: 6,
    kvHeads: 2,
    headWidth: 128,
    feedForward: 352,
    vocab: 317,
    seed: 14,
    tied: false,
    ropeTheta: 1_000_000,
  },
};

/** Six layers, of which the last sees all; a prompt is longer than the window of the others. */
const windowShapes: Record<string, Omit<RandomModel, "type">> = {
  "gemma3-e32-g2": {
    architecture: "gemma3",
    layers: 6,
    width: 96,
    heads: 4,
    kvHeads: 2,
    headWidth: 32,
    feedForward: 160,
    vocab: 311,
    seed: 17,
    ropeTheta: 1_000_000,
    normEpsilon: 1e-6,
    window: 16,
  },
};

const weightTypes: readonly WeightType[] = ["f32", "f16", "q8_0", "q4_0"];

/** For the other types: rows that divide into blocks of 256, and matrices of the same shapes, to share pipelines. */
const blockShapes: Record<string, Omit<RandomModel, "type">> = {
  "llama-e64-g2": {
    architecture: "llama",
    layers: 1,
    width: 256,
    heads: 4,
    kvHeads: 2,
    headWidth: 64,
    feedForward: 512,
    vocab: 290,
    seed: 15,
  },
  "qwen3-e128-g2": {
    architecture: "qwen3",
    layers: 1,
    width: 256,
    heads: 2,
    kvHeads: 1,
    headWidth: 128,
    feedForward: 512,
    vocab: 290,
    seed: 16,
    ropeTheta: 1_000_000,
  },
};

const blockTypes = (Object.keys(weightFormats) as WeightType[]).filter((type) => !weightTypes.includes(type));

export interface ParityModel {
  /** Also the name of its golden file. */
  name: string;
  model: RandomModel;
  /** The prompt: 64 tokens, random over the whole vocabulary. */
  tokens: number[];
  /** Goldens hold the distributions after every so many tokens: the last of each such number. */
  stride: number;
}

const modelsOf = (
  byName: Record<string, Omit<RandomModel, "type">>,
  types: readonly WeightType[],
  stride: number,
) =>
  Object.entries(byName).flatMap(([shape, sizes]) =>
    types.map((type): ParityModel => {
      const random = seededRandom(sizes.seed ?? 1);
      const tokens = Array.from({ length: 64 }, () => Math.floor(random.uniform() * sizes.vocab));
      return { name: `${shape}-${type}`, model: { ...sizes, type }, tokens, stride };
    }),
  );

export const parityModels: readonly ParityModel[] = [
  ...modelsOf(shapes, weightTypes, 1),
  ...modelsOf(windowShapes, ["f32", "q8_0"], 1),
  ...modelsOf(blockShapes, blockTypes, 8),
];

/** The rows of which a golden has something to say. */
export function everyNth<T>(rows: readonly T[], stride: number): T[] {
  return rows.filter((_, i) => (i + 1) % stride === 0);
}
