/** The random-weight models on which parity with llama.cpp is tested: awkward shapes, every weight type. */

import type { WeightType } from "../../gpu/tensor.ts";
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

export const weightTypes: readonly WeightType[] = ["f32", "f16", "q8_0", "q4_0"];

export interface ParityModel {
  /** Also the name of its golden file. */
  name: string;
  model: RandomModel;
  /** The prompt: 64 tokens, random over the whole vocabulary. */
  tokens: number[];
}

export const parityModels: readonly ParityModel[] = Object.entries(shapes).flatMap(([shape, sizes]) =>
  weightTypes.map((type) => {
    const random = seededRandom(sizes.seed ?? 1);
    const tokens = Array.from({ length: 64 }, () => Math.floor(random.uniform() * sizes.vocab));
    return { name: `${shape}-${type}`, model: { ...sizes, type }, tokens };
  }),
);
