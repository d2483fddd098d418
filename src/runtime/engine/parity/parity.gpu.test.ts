/** Models against llama.cpp's goldens (made by `scripts/goldens/parity.mjs`), and against themselves run otherwise. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { casesHere } from "../../../kernels/testing/harness.ts";
import { type Gpu, openGpu } from "../../gpu/device.ts";
import type { WeightType } from "../../gpu/tensor.ts";
import { modelConfig } from "../../models/architectures.ts";
import { dequantize } from "../../weights/dequantize.ts";
import { readGgufHeader } from "../../weights/gguf.ts";
import { SourceReader } from "../../weights/reader.ts";
import { openSource } from "../../weights/source.ts";
import { writeGguf } from "../../weights/testing/ggufWriter.ts";
import { quantize } from "../../weights/testing/quantize.ts";
import { makeRandomModel, type RandomModel, randomModelContents } from "../../weights/testing/randomModel.ts";
import { loadRunner } from "../loadRunner.ts";
import { Sequence } from "../sequence.ts";
import { klDivergence, softmax } from "./compare.ts";
import goldens from "./goldens/index.json";
import { everyNth, type ParityModel, parityModels } from "./models.ts";

/** Largest divergence from llama.cpp at any position; it rounds activations for the quantized types. */
const toLlamaCpp = (type: WeightType) => ({ f32: 1e-6, f16: 1e-5 })[type as string] ?? 1e-3;
/** And from our own run of the dequantized weights as F32. */
const toOwnF32 = 1e-5;

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.device.destroy());

interface RunOptions {
  chunkTokens?: number;
  cacheType?: "f32" | "f16";
  on?: Gpu;
  /** One token a step, as in decoding. */
  stepwise?: boolean;
}

/** Distributions after each token, by a fresh runner. */
async function distributions(
  file: Uint8Array<ArrayBuffer>,
  tokens: number[],
  { chunkTokens = 64, cacheType = "f32", on = gpu, stepwise = false }: RunOptions = {},
): Promise<Float64Array[]> {
  const reader = new SourceReader(openSource(new Blob([file])));
  const header = await readGgufHeader(reader);
  const config = modelConfig(header);
  const options = { gpu: on, header, config, reader, contextLength: 96, cacheType, chunkTokens };
  const { runner, weights } = await loadRunner(options);
  const sequence = new Sequence(0, { prompt: tokens, maxTokens: 0, endTokens: new Set() });
  sequence.slot = 0;
  sequence.pages.push(...Array.from({ length: runner.pageCount }, (_, i) => i));
  const rows: Float64Array[] = [];
  const size = stepwise ? 1 : chunkTokens;
  for (let start = 0; start < tokens.length; start += size) {
    const count = Math.min(size, tokens.length - start);
    const logits = await runner.logits({
      kind: stepwise ? "decode" : "prefill",
      allRows: !stepwise,
      tokens: count,
      entries: [{ sequence, start, count }],
      outputs: Array.from({ length: count }, (_, i) => ({ row: i, sequence, draw: -1, position: start + i })),
    });
    for (let i = 0; i < count; i++)
      rows.push(softmax(logits.subarray(i * config.vocab, (i + 1) * config.vocab)));
  }
  runner.destroy();
  weights.destroy();
  return rows;
}

function worstDivergence(expected: ArrayLike<number>[], actual: ArrayLike<number>[]): number {
  expect(actual.length).toBe(expected.length);
  const all = expected.map((row, i) => klDivergence(row, actual[i]!));
  return all.some(Number.isNaN) ? Number.NaN : Math.max(...all);
}

/** The model with its weights as F32, after the rounding of its own type. */
function dequantized(model: RandomModel): Uint8Array<ArrayBuffer> {
  const contents = randomModelContents(model);
  return writeGguf({
    ...contents,
    tensors: contents.tensors.map((tensor) => {
      const count = tensor.shape.reduce((a, b) => a * b, 1);
      return {
        ...tensor,
        type: "f32",
        bytes: quantize("f32", dequantize(tensor.type as WeightType, tensor.bytes, count)),
      };
    }),
  });
}

async function golden({ name, model, tokens, stride }: ParityModel): Promise<Float32Array[]> {
  const response = await fetch(new URL(`./goldens/${name}.bin`, import.meta.url));
  const values = new Float32Array(await response.arrayBuffer());
  expect(values.length).toBe((tokens.length / stride) * model.vocab);
  return everyNth(tokens, stride).map((_, i) => values.subarray(i * model.vocab, (i + 1) * model.vocab));
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Of each format all kernels are compared with their references on every adapter; here they meet in a model. */
const few = parityModels.filter(({ name }) =>
  /llama-e64-g3|qwen3-e96-g4-f16|gemma3.*q8_0|q4_k$|q6_k$|iq4_xs$/.test(name),
);

describe("next-token distributions at every position", () => {
  test.each(casesHere(parityModels, few))("$name equals llama.cpp", async (parityModel) => {
    const { name, model, tokens, stride } = parityModel;
    const file = makeRandomModel(model);
    expect(await sha256(file)).toBe((goldens.models as Record<string, { sha256: string }>)[name]?.sha256);
    const actual = await distributions(file, tokens);
    const divergence = worstDivergence(await golden(parityModel), everyNth(actual, stride));
    console.log(`${name}: KL to llama.cpp at most ${divergence.toExponential(1)}`);
    expect(divergence).toBeLessThan(toLlamaCpp(model.type));
    if (model.type !== "f32" && model.type !== "f16") {
      const exact = await distributions(dequantized(model), tokens);
      const own = worstDivergence(exact, actual);
      console.log(`${name}: KL to our own F32 run at most ${own.toExponential(1)}`);
      expect(own).toBeLessThan(toOwnF32);
    }
  });
});

const chosen = parityModels.filter(({ name }) =>
  ["llama-e64-g3-q8_0", "qwen3-e96-g4-f16", "gemma3-e32-g2-f32"].includes(name),
);

describe("one model, run otherwise", () => {
  test.each(chosen)("$name: prefill equals decode steps, whatever the chunks", async ({ model, tokens }) => {
    const file = makeRandomModel(model);
    const whole = await distributions(file, tokens);
    expect(worstDivergence(whole, await distributions(file, tokens, { stepwise: true }))).toBeLessThan(1e-8);
    expect(worstDivergence(whole, await distributions(file, tokens, { chunkTokens: 7 }))).toBeLessThan(1e-8);
  });
  test.each(chosen)("$name: an f16 cache changes little", async ({ model, tokens }) => {
    const file = makeRandomModel(model);
    const f16 = await distributions(file, tokens, { cacheType: "f16" });
    const divergence = worstDivergence(await distributions(file, tokens), f16);
    expect(divergence).toBeLessThan(1e-5);
    expect(divergence).toBeGreaterThan(0);
  });
  test.each(casesHere(chosen, []))(
    "$name: without f16 and subgroups, and with split tensors",
    async ({ model, tokens }) => {
      const file = makeRandomModel(model);
      const plain = await distributions(file, tokens);
      // 128 KiB bindings split the larger matrices into slices of rows.
      const small = await openGpu({ disableF16: true, disableSubgroups: true, maxBindingBytes: 128 * 1024 });
      const other = await distributions(file, tokens, { on: small, chunkTokens: 16 });
      small.device.destroy();
      expect(worstDivergence(plain, other)).toBeLessThan(1e-8);
    },
  );
  const packable = chosen.filter(({ model }) => model.type === "q8_0");
  test.each(packable)(
    "$name: with packed activations, as on a GPU",
    { timeout: 300_000 },
    async ({ model, tokens }) => {
      const file = makeRandomModel(model);
      const on = { ...gpu, packsActivations: true };
      const packed = await distributions(file, tokens, { on });
      expect(worstDivergence(packed, await distributions(file, tokens, { on, stepwise: true }))).toBeLessThan(
        1e-8,
      );
      const divergence = worstDivergence(await distributions(file, tokens), packed);
      expect(divergence).toBeLessThan(toOwnF32);
      expect(divergence).toBeGreaterThan(0);
    },
  );
});
