import { describe, expect, it } from "vitest";
import type { Recording } from "../runtime/gpu/recording.ts";
import { type WeightType, weightFormats } from "../runtime/gpu/tensor.ts";
import { decodeActivations, encodeActivations } from "./activations.ref.ts";
import { type ActivationKind, activationShape } from "./activations.ts";
import { isPackable } from "./formats/formats.ts";
import { matmulRef } from "./matmul.ref.ts";
import { checkMatmul, type MatmulArgs } from "./matmulArgs.ts";
import { matmulTiled } from "./matmulTiled.ts";
import { matmulTiledDot } from "./matmulTiledDot.ts";
import { compare, tolerances } from "./testing/compare.ts";
import { openTestGpu, type TestGpu } from "./testing/harness.ts";
import { randomValues, seededRandom } from "./testing/random.ts";

const types = Object.keys(weightFormats) as WeightType[];
const tokens = { of: "tokens" } as const;

type Kernel = (rec: Recording, args: MatmulArgs, label: string) => void;
interface Case {
  R: number;
  N: number;
  K: number;
  maxR?: number;
  kind?: ActivationKind;
  xRows?: boolean;
  normalize?: boolean;
  /** Columns of `out` before and after those of this matmul. */
  margins?: readonly [number, number];
  bias?: boolean;
  residual?: "separate" | "in place";
  maxBindingBytes?: number;
  /** Of the values of x. */
  scale?: number;
}

/** Runs one case against the reference; what is not to be written must stay as it was. */
async function check(t: TestGpu, kernel: Kernel, type: WeightType, c: Case): Promise<Recording> {
  const { R, N, K, maxR = R, kind = "float", margins = [0, 0] } = c;
  const label = `${type} ${JSON.stringify(c)}`;
  const weight = t.weights(type, N, K, randomValues(N + K, N * K, 0.05), c.maxBindingBytes);

  // The norm's sums are of other values than x, which has been multiplied by the norm's weight.
  const xCount = c.xRows ? R + 3 : maxR;
  const raw = randomValues(R + 7 * K, xCount * K, c.scale);
  const words = encodeActivations(kind, raw, xCount, K, c.normalize ? randomValues(11, xCount * K, 3) : raw);
  const shape = activationShape(kind, xCount, K);
  const { values, squares } = decodeActivations(kind, words, xCount, K);
  const floats = new Float32Array(words.buffer);
  // Sums of squares are padded with whatever was there.
  if (kind === "float")
    for (let r = 0; r < xCount; r++)
      words.fill(0x7fc0_0000, r * shape[1]! + K + Math.ceil(K / 32), (r + 1) * shape[1]!);
  const tensor = kind === "packed" ? t.u32(shape, words) : t.f32(shape, floats);
  const random = seededRandom(R);
  const rowOf = Uint32Array.from({ length: maxR }, (_, r) => (c.xRows ? random.integer(xCount) : r));

  const outStride = margins[0] + N + margins[1];
  const before = randomValues(4, maxR * outStride);
  const out = t.f32([maxR, outStride], before);
  const bias = c.bias ? randomValues(3, outStride) : undefined;
  const residual = c.residual === "in place" ? before : c.residual && randomValues(5, maxR * outStride);
  const eps = 1e-3;
  const args: MatmulArgs = {
    x: { kind, width: K, tensor },
    ...(c.xRows && { xRows: t.u32([maxR], rowOf) }),
    weight: weight.matrix,
    ...(c.normalize && { normalize: { eps } }),
    out,
    ...(c.margins && { outStart: margins[0], outStride }),
    bias: bias && t.f32([outStride], bias),
    residual: c.residual === "in place" ? out : residual && t.f32([maxR, outStride], residual),
    rows: tokens,
  };
  const rec = await t.run(
    (rec) => {
      checkMatmul(rec, args, "test");
      kernel(rec, args, "test");
    },
    { tokens: R, outputs: 0 },
    { maxStep: { tokens: maxR, outputs: 0 } },
  );

  const x = Float64Array.from({ length: R * K }, (_, i) => {
    const row = rowOf[Math.floor(i / K)]!;
    const blocks = Math.ceil(K / 32);
    const total = squares.subarray(row * blocks, (row + 1) * blocks).reduce((a, b) => a + b, 0);
    return values[row * K + (i % K)]! * (c.normalize ? 1 / Math.sqrt(total / K + eps) : 1);
  });
  const sums = matmulRef(x, weight.values, K);
  const actual = (await t.read(out)) as Float32Array;
  const written: number[] = [];
  const expected: number[] = [];
  actual.forEach((value, i) => {
    const r = Math.floor(i / outStride);
    const n = (i % outStride) - margins[0];
    if (r < R && n >= 0 && n < N) {
      written.push(value);
      expected.push(sums[r * N + n]! + (bias?.[i % outStride] ?? 0) + (residual?.[i] ?? 0));
    } else if (value !== before[i]) expect.fail(`${label}: element ${i} was written`);
  });
  compare(written, expected, tolerances.matmul, label);
  return rec;
}

/** A limit that cuts 100 rows into slices of 64 and 36. */
const limitFor = (type: WeightType, K: number) =>
  (64 * K * Math.max(...weightFormats[type].planes.map((plane) => plane.sizeBytes))) /
  weightFormats[type].blockWeights;

/** Small tiles: software adapters compile the default for seconds. Tiles use no optional feature. */
const small = { threadN: 1, threadR: 4, teamN: 8, teamR: 8 };
const smallFloat: Kernel = (rec, args, label) => matmulTiled(rec, args, label, small);
const smallDot =
  (stepBlocks: number): Kernel =>
  (rec, args, label) =>
    matmulTiledDot(rec, args, label, { ...small, threadR: 2, stepBlocks });

describe("matmulTiled", () => {
  // Other formats differ in what they read, which the other kernels' tests show, not in what a tile makes of it.
  it.each<WeightType>(["f32", "f16", "bf16", "q5_1", "q2_k", "iq4_nl"])("%s: partial tiles", async (type) => {
    const t = await openTestGpu();
    await check(t, smallFloat, type, { R: 9, maxR: 12, N: 13, K: 768, bias: true, residual: "separate" });
  });

  it("takes any rows of x, normalizes them and writes columns of a wider tensor, slice by slice", async () => {
    const t = await openTestGpu();
    const common = { N: 100, normalize: true, margins: [7, 3], xRows: true } as const;
    const limits = { K: 288, maxBindingBytes: limitFor("q8_0", 288) };
    const rec = await check(t, smallFloat, "q8_0", { R: 33, ...limits, ...common, residual: "in place" });
    expect(rec.dispatchCount).toBe(2);
    await check(t, smallFloat, "f16", { R: 33, K: 40, ...common });
    await check(t, smallFloat, "f32", { R: 33, maxR: 40, K: 8, ...common });
  });

  it("packed rows of x, where integer dot products are slow", async () => {
    const t = await openTestGpu();
    await check(t, smallFloat, "q4_k", { R: 35, N: 9, K: 512, kind: "packed", normalize: true });
  });

  it("the default tiles", async () => {
    const t = await openTestGpu();
    await check(t, matmulTiled, "q8_0", { R: 70, N: 67, K: 160, bias: true }); // 32 by 32
    await check(t, matmulTiled, "q4_0", { R: 3, maxR: 70, N: 4099, K: 64 }); // 64 by 64
  });
});

describe("matmulTiledDot", () => {
  const packed = { kind: "packed" } as const;

  it.each(types.filter(isPackable))("%s: partial tiles", async (type) => {
    const t = await openTestGpu();
    const options = { ...packed, normalize: true, bias: true, residual: "separate" } as const;
    await check(t, smallDot(2), type, { R: 17, maxR: 20, N: 13, K: 768, ...options });
  });

  it("takes any rows of x, normalizes them and writes columns of a wider tensor, slice by slice", async () => {
    const t = await openTestGpu();
    const common = { ...packed, N: 100, normalize: true, margins: [7, 3], xRows: true } as const;
    const limits = { maxBindingBytes: limitFor("q4_1", 4128) };
    // An odd number of blocks: the last step has but one.
    const rec = await check(t, smallDot(2), "q4_1", {
      R: 33,
      K: 4128,
      ...limits,
      ...common,
      residual: "in place",
    });
    expect(rec.dispatchCount).toBe(2);
    // Threads share the blocks of x; sums of large values need no norm.
    await check(t, smallDot(1), "q8_0", { R: 9, K: 32, ...common, normalize: false, scale: 1e4 });
    await check(t, smallDot(1), "q6_k", { R: 9, K: 256, ...common, bias: true });
  });

  it("the default tiles", async () => {
    const t = await openTestGpu();
    await check(t, matmulTiledDot, "q8_0", { R: 70, N: 67, K: 160, ...packed }); // 32 by 32
    await check(t, matmulTiledDot, "q4_0", { R: 3, maxR: 70, N: 4099, K: 64, ...packed }); // 64 by 64
  });
});
