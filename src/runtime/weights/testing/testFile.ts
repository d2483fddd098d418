import type { WeightType } from "../../gpu/tensor.ts";
import type { TensorRequest } from "../types.ts";
import { type GgufTensor, writeGguf } from "./ggufWriter.ts";
import { quantize } from "./quantize.ts";
import { randomWeights, seededRandom } from "./random.ts";
import { randomBlocks, randomBlockTypes } from "./randomBlocks.ts";

/** A file with a tensor of each kind, and what to ask of it. */
export interface TestFile {
  bytes: Uint8Array<ArrayBuffer>;
  requests: TensorRequest[];
  /** As written, by name. */
  tensors: ReadonlyMap<string, GgufTensor & { type: WeightType }>;
}

/** Matrices of all types and awkward heights, vectors, and tensors between them that nobody asks for. */
export function makeTestFile(seed = 1): TestFile {
  const random = seededRandom(seed);
  const tensors: (GgufTensor & { type: WeightType })[] = [];
  const requests: TensorRequest[] = [];
  const add = (name: string, kind: "matrix" | "vector" | "unused", type: WeightType, shape: number[]) => {
    const count = shape.reduce((a, b) => a * b);
    const bytes = randomBlockTypes.includes(type)
      ? randomBlocks(type, random, count, 1)
      : quantize(type, randomWeights(random, count, 1));
    tensors.push({ name, type, shape, bytes });
    if (kind !== "unused") requests.unshift({ name, kind, shape });
  };
  add("vector f32", "vector", "f32", [67]);
  add("unused before", "unused", "f32", [1001]);
  add("matrix f32", "matrix", "f32", [331, 24]);
  add("matrix f16", "matrix", "f16", [257, 40]);
  add("vector f16", "vector", "f16", [33]);
  add("matrix q8_0", "matrix", "q8_0", [333, 96]);
  add("unused between", "unused", "q4_0", [3, 64]);
  add("matrix q4_0", "matrix", "q4_0", [201, 32]);
  add("matrix q6_k", "matrix", "q6_k", [67, 256]);
  add("matrix mxfp4", "matrix", "mxfp4", [35, 32]);
  add("vector bf16", "vector", "bf16", [9]);
  // Several chunks of 2 MiB.
  add("large q5_k", "matrix", "q5_k", [12_303, 256]);
  add("large q8_0", "matrix", "q8_0", [4099, 544]);
  add("one row", "matrix", "q4_0", [1, 32]);
  add("unused after", "unused", "f16", [5]);
  return {
    bytes: writeGguf({ metadata: [["general.architecture", "string", "test"]], tensors }),
    requests,
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
  };
}
