import { describe, expect, it } from "vitest";
import type { Recording } from "../runtime/gpu/recording.ts";
import { type WeightType, weightFormats } from "../runtime/gpu/tensor.ts";
import { decodeActivations, encodeActivations } from "./activations.ref.ts";
import { type ActivationKind, type Activations, activationShape } from "./activations.ts";
import { isPackable } from "./formats/formats.ts";
import { geluTanhRef } from "./gelu.ref.ts";
import { matmulRef } from "./matmul.ref.ts";
import type { GateActivation } from "./matmulOutput.ts";
import { matmulGated, matmulNext, matmulVec } from "./matmulVec.ts";
import { defaultVecVariant, type MatmulVecVariant, sharedSubgroup } from "./matmulVecVariant.ts";
import { compare, tolerances } from "./testing/compare.ts";
import {
  compilesSlowly,
  expectUntouched,
  fullVariant,
  openTestGpu,
  plainVariant,
  type TestGpu,
} from "./testing/harness.ts";
import { randomValues } from "./testing/random.ts";

const tokens = { of: "tokens" } as const;
const eps = 1e-5;

interface Case {
  output: "store" | "next" | "gated";
  /** @default "silu" */
  gate?: GateActivation;
  R: number;
  maxR?: number;
  /** Outputs: half the weight rows if gated. */
  N: number;
  K: number;
  kind?: ActivationKind;
  outKind?: ActivationKind;
  normalize?: boolean;
  bias?: boolean;
  residual?: "separate" | "in place";
  /** Reads rows of x in reverse. */
  reversed?: boolean;
  outStart?: number;
  maxBindingBytes?: number;
  variant?: Partial<MatmulVecVariant>;
}

/** Activations of these values on the GPU, and what they stand for. */
function activations(t: TestGpu, kind: ActivationKind, values: Float32Array, rows: number, width: number) {
  const words = encodeActivations(kind, values, rows, width);
  const shape = activationShape(kind, rows, width);
  const tensor = kind === "packed" ? t.u32(shape, words) : t.f32(shape, new Float32Array(words.buffer));
  return { x: { kind, width, tensor } satisfies Activations, ...decodeActivations(kind, words, rows, width) };
}

const silu = (g: number) => g / (1 + Math.exp(-g));

/** Runs one case against the reference; rows beyond the step must stay untouched. */
async function check(t: TestGpu, type: WeightType, c: Case, asGpu = false): Promise<Recording> {
  const { R, N, K, maxR = R, outStart = 0 } = c;
  // Packed rows are for GPUs, and for variants that are asked for.
  const { kind = isPackable(type) && (asGpu || c.variant) ? "packed" : "float" } = c;
  const { outKind = kind, output, gate = "silu" } = c;
  const label = `${type} ${JSON.stringify(c)}`;
  const weightRows = output === "gated" ? 2 * N : N;
  const weight = t.weights(type, weightRows, K, randomValues(N + K, weightRows * K, 0.05), c.maxBindingBytes);
  const { x, values, squares } = activations(t, kind, randomValues(R + 7 * K, maxR * K), maxR, K);
  const rowIds = Array.from({ length: maxR }, (_, r) => (c.reversed ? maxR - 1 - r : r));

  // The rows that are read, each with its norm's factor.
  const read = new Float64Array(R * K);
  for (let r = 0; r < R; r++) {
    const from = rowIds[r]!;
    const blocks = Math.ceil(K / 32);
    let sum = 0;
    for (let b = 0; b < blocks; b++) sum += squares[from * blocks + b]!;
    const factor = c.normalize ? 1 / Math.sqrt(sum / K + eps) : 1;
    for (let k = 0; k < K; k++) read[r * K + k] = factor * values[from * K + k]!;
  }
  const sums = matmulRef(read, weight.values, K);

  const input = {
    x,
    ...(c.reversed && { xRows: t.u32([maxR], rowIds) }),
    weight: weight.matrix,
    ...(c.normalize && { normalize: { eps } }),
    rows: tokens,
  };
  const stride = N + outStart + (outStart > 0 ? 3 : 0);
  const old = randomValues(4, maxR * stride);
  const bias = c.bias ? randomValues(3, stride) : undefined;
  const nextWeight = randomValues(5, N);
  const out =
    output === "next" || c.residual === "in place" ? t.f32([maxR, stride], old) : t.output([maxR, stride]);
  const outWords = outKind === "packed" ? "u32" : "f32";
  const prepared: Activations = {
    kind: outKind,
    width: N,
    tensor: t.output(activationShape(outKind, maxR, N), outWords),
  };
  const rec = await t.run(
    (rec) => {
      const gpu = asGpu ? { ...rec.gpu, software: false } : rec.gpu;
      const on = Object.assign(Object.create(rec) as Recording, { gpu });
      if (output === "next")
        matmulNext(
          on,
          { ...input, residual: out, next: { weight: t.f32([N], nextWeight), out: prepared } },
          "t",
          c.variant,
        );
      else if (output === "gated") matmulGated(on, { ...input, gate, out: prepared }, "t", c.variant);
      else
        matmulVec(
          on,
          {
            ...input,
            out,
            ...(outStart > 0 && { outStart, outStride: stride }),
            bias: bias && t.f32([stride], bias),
            residual: c.residual === "separate" ? t.f32([maxR, stride], old) : c.residual && out,
          },
          "t",
          c.variant,
        );
    },
    { tokens: R, outputs: 0 },
    { maxStep: { tokens: maxR, outputs: 0 } },
  );

  /** The prepared rows, and that those beyond the step are as they were. */
  const readPrepared = async () => {
    const raw = await t.read(prepared.tensor);
    const words = raw instanceof Uint32Array ? raw : new Uint32Array(raw.buffer, raw.byteOffset, raw.length);
    const rowWords = words.length / maxR;
    expectUntouched(
      new Float32Array(words.buffer, words.byteOffset + R * rowWords * 4, (maxR - R) * rowWords),
    );
    return decodeActivations(outKind, words.slice(0, R * rowWords), R, N);
  };

  if (output === "gated") {
    const activate = gate === "silu" ? silu : geluTanhRef;
    const expected = new Float64Array(R * N);
    for (let r = 0; r < R; r++)
      for (let n = 0; n < N; n++)
        expected[r * N + n] = activate(sums[r * 2 * N + n]!) * sums[r * 2 * N + N + n]!;
    const actual = await readPrepared();
    compare(actual.values, expected, tolerances.activations[outKind], label);
    if (outKind === "packed")
      compare(
        actual.sums,
        Array.from({ length: (R * N) / 16 }, (_, i) =>
          actual.values.subarray(i * 16, i * 16 + 16).reduce((a, b) => a + b),
        ),
        tolerances.rowReduction,
        `${label} sums`,
      );
    return rec;
  }

  const written = await t.read(out);
  const expected = Float64Array.from(old.subarray(0, R * stride));
  for (let r = 0; r < R; r++)
    for (let n = 0; n < N; n++) {
      const at = r * stride + outStart + n;
      const before = output === "next" || c.residual ? old[at]! : 0;
      expected[at] = sums[r * N + n]! + (bias?.[outStart + n] ?? 0) + before;
    }
  if (output === "store" && !c.residual && outStart > 0)
    for (let r = 0; r < R; r++)
      for (let n = 0; n < stride; n++)
        if (n < outStart || n >= outStart + N) {
          expectUntouched(written.subarray(r * stride + n, r * stride + n + 1), `${label} beside`);
          written[r * stride + n] = expected[r * stride + n]!;
        }
  compare(written.subarray(0, R * stride), expected, tolerances.matmul, label);
  const rest = written.subarray(R * stride);
  if (output === "next" || c.residual === "in place")
    expect([...rest], label).toEqual([...old.subarray(R * stride)]);
  else expectUntouched(rest, label);
  if (output === "next") {
    const actual = await readPrepared();
    const weighted = expected.map((value, i) => value * nextWeight[i % N]!);
    compare(actual.values, weighted, tolerances.activations[outKind], `${label} next`);
    const blocks = Math.ceil(N / 32);
    const squares = Array.from({ length: R * blocks }, (_, i) => {
      const start = Math.floor(i / blocks) * N;
      const block = expected.subarray(
        start + (i % blocks) * 32,
        Math.min(start + N, start + (i % blocks) * 32 + 32),
      );
      return block.reduce((a, b) => a + b * b, 0);
    });
    compare(actual.squares, squares, tolerances.rowReduction, `${label} squares`);
  }
  return rec;
}

/** A limit that cuts 100 rows into slices of 64 and 36. */
const limitFor = (type: WeightType, K: number) =>
  (64 * K * Math.max(...weightFormats[type].planes.map((plane) => plane.sizeBytes))) /
  weightFormats[type].blockWeights;

const types: WeightType[] = ["f32", "f16", "q8_0", "q4_0"];
const otherTypes = (Object.keys(weightFormats) as WeightType[]).filter((type) => !types.includes(type));

it("many rows of matrices that are large enough for longer code", async () => {
  const t = await openTestGpu();
  const next = { output: "next", R: 21, maxR: 32, N: 160, K: 1984, normalize: true } as const;
  const rec = await check(t, "q4_0", next);
  const subgroup = sharedSubgroup(t.gpu);
  expect(rec.dispatchCount).toBe(subgroup === 8 ? 2 : subgroup ? 4 : 1);
  await check(t, "q8_0", { output: "gated", R: 5, maxR: 16, N: 256, K: 512, normalize: true });
});

// Every case compiles pipelines of its own, for up to seconds on a software adapter: few cases, each odd in many ways.
describe.each([
  { ...fullVariant, types },
  ...(compilesSlowly ? [] : [{ ...plainVariant, types: ["q4_0"] as WeightType[] }]),
])("matmulVec as this adapter has it, $name", ({ types, ...variant }) => {
  it.each(types)("%s: sizes, rows, bias, residual, slices, offsets", async (type) => {
    const t = await openTestGpu(variant);
    await check(t, type, { output: "store", R: 1, N: 33, K: 4128, bias: true, residual: "in place" });
    const split = { maxBindingBytes: limitFor(type, 288), bias: true, outStart: 5, reversed: true };
    const rec = await check(t, type, { output: "store", R: 5, N: 100, K: 288, normalize: true, ...split });
    expect(rec.dispatchCount).toBe(2);
    await check(t, type, { output: "next", R: 2, maxR: 3, N: 96, K: 64, normalize: true });
    await check(t, type, { output: "gated", R: 1, N: 64, K: 96, normalize: true });
  });

  it("rows that need several windows", async () => {
    const t = await openTestGpu(variant);
    const rec = await check(t, "q4_0", { output: "next", R: 17, maxR: 24, N: 64, K: 1984, normalize: true });
    expect(rec.dispatchCount).toBe(sharedSubgroup(t.gpu) ? 3 : 1);
  });

  it.each([2048, 8192])("rows that need several bindings: %i wide", async (K) => {
    const t = await openTestGpu(variant);
    const rec = await check(t, "q4_0", { output: "next", R: 11, maxR: 16, N: 64, K, normalize: true });
    expect(rec.dispatchCount).toBe(sharedSubgroup(t.gpu) ? 2 : 1);
  });

  it("a residual beside, and one weight row", async () => {
    const t = await openTestGpu(variant);
    await check(t, "q8_0", { output: "store", R: 3, maxR: 4, N: 1, K: 32, residual: "separate" });
  });
});

describe.each([
  { ...fullVariant, types: ["f16", "q8_0", "iq4_nl", "mxfp4"] as WeightType[] },
  ...(compilesSlowly ? [] : [{ ...plainVariant, types: ["q4_0"] as WeightType[] }]),
])("matmulVec as on a GPU, $name", ({ types, ...variant }) => {
  it.each(types)("%s", async (type) => {
    const t = await openTestGpu(variant);
    await check(t, type, { output: "store", R: 1, N: 31, K: 1120, bias: true, normalize: true }, true);
    await check(t, type, { output: "next", R: 3, N: 64, K: 576 }, true);
    await check(t, type, { output: "gated", R: 1, N: 96, K: 128, normalize: true }, true);
  });
});

describe("matmulVec", () => {
  // Two blocks or more in a row of K-quants, and an odd number of rows: planes of 16 bits a block end within a word.
  it.each(otherTypes)("%s: dot products and floats", async (type) => {
    const t = await openTestGpu();
    const variant = { arithmetic: isPackable(type) ? "dot" : "float" } as const;
    await check(t, type, { output: "store", R: 1, N: 33, K: 768, variant });
    if (isPackable(type))
      await check(t, type, {
        ...{ output: "store", R: 2, N: 17, K: 1280, normalize: true },
        variant: { arithmetic: "float", xRows: 2 },
      });
  });

  it("quantized weights with float rows, float rows of odd widths, and outputs of the other kind", async () => {
    const t = await openTestGpu();
    await check(t, "q4_k", {
      output: "next",
      R: 1,
      N: 64,
      K: 256,
      kind: "float",
      outKind: "packed",
      normalize: true,
    });
    await check(t, "f16", { output: "next", R: 2, N: 40, K: 72, normalize: true });
    await check(t, "f32", { output: "gated", R: 1, N: 44, K: 40, normalize: true }, true);
    await check(t, "f32", { output: "gated", gate: "geluTanh", R: 1, N: 44, K: 40, normalize: true }, true);
    await check(t, "q8_0", { output: "gated", R: 1, N: 100, K: 64, outKind: "float" });
  });

  it.each([
    { threadsPerRow: 1, threads: 8, threadRows: 4, xRows: 2, shareX: false },
    { threadsPerRow: 4, threads: 64, threadRows: 2, xRows: 1 },
    { threadsPerRow: 32, threads: 256, threadRows: 4, xRows: 3 },
  ])("%o", async (layout) => {
    const t = await openTestGpu();
    await check(
      t,
      "q5_0",
      { output: "store", R: 3, maxR: 5, N: 67, K: 1312, bias: true, variant: layout },
      true,
    );
  });

  it("keeps what is finite finite: rows of zeros and of very large values", async () => {
    const t = await openTestGpu();
    const values = new Float32Array(2 * 64);
    values.fill(3e30, 64, 96);
    const { x, values: decoded } = activations(t, "packed", values, 2, 64);
    const weight = t.weights("q8_0", 32, 64, randomValues(1, 2048));
    const out = t.output([2, 32]);
    await t.run((rec) => matmulVec(rec, { x, weight: weight.matrix, out, rows: tokens }, "t"), {
      tokens: 2,
      outputs: 0,
    });
    compare(await t.read(out), matmulRef(decoded, weight.values, 64), tolerances.matmul);
  });

  it("a GPU gets packed dot products, 16-byte reads and whole blocks", async () => {
    const t = await openTestGpu();
    const weight = t.weights("q8_0", 32, 4096, randomValues(1, 32 * 4096)).matrix;
    const { x } = activations(t, "packed", new Float32Array(4096), 1, 4096);
    const gpu = { ...t.gpu, software: false, subgroups: { min: 32, max: 32 } };
    expect(defaultVecVariant(gpu, { x, weight, rows: tokens }, false, 1)).toEqual({
      ...{ arithmetic: "dot", threadsPerRow: 16, threads: 256, threadRows: 2, xRows: 1, shareX: false },
    });
  });

  it("refuses shapes that do not fit, naming both", async () => {
    const t = await openTestGpu();
    const weight = t.weights("q8_0", 64, 64, randomValues(1, 4096)).matrix;
    const { x } = activations(t, "packed", randomValues(2, 128), 2, 64);
    const one = { tokens: 1, outputs: 0 };
    const run = (record: (rec: Recording) => void) => t.run(record, one);
    const next = {
      weight: t.output([64]),
      out: { kind: "packed", width: 64, tensor: t.output([1, 5, 2, 4], "u32") } as const,
    };
    const residual = t.output([1, 64]);
    await run((rec) => matmulNext(rec, { x, weight, residual, next, rows: tokens }, "a"));
    await expect(
      run((rec) => matmulNext(rec, { x, weight, residual: t.output([1, 63]), next, rows: tokens }, "a")),
    ).rejects.toThrow(/a with weight \(64, 64\): residual.*\(1, 63\)/);
    await expect(
      run((rec) =>
        matmulNext(
          rec,
          { x, weight, residual, next: { ...next, weight: t.output([32]) }, rows: tokens },
          "a",
        ),
      ),
    ).rejects.toThrow(/next.weight.*\(32\).*\(64\)/);
    await expect(
      run((rec) => matmulNext(rec, { x: { ...x, width: 32 }, weight, residual, next, rows: tokens }, "a")),
    ).rejects.toThrow(/x is 32 wide and should be 64/);
    const half = { kind: "packed", width: 32, tensor: t.output([1, 5, 1, 4], "u32") } as const;
    await run((rec) => matmulGated(rec, { x, weight, gate: "silu", out: half, rows: tokens }, "a"));
    await expect(
      run((rec) => matmulGated(rec, { x, weight, gate: "silu", out: next.out, rows: tokens }, "a")),
    ).rejects.toThrow(/out is 64 wide and should be 32/);
    const floats = t.weights("f32", 64, 64, randomValues(1, 4096)).matrix;
    await expect(
      run((rec) => matmulNext(rec, { x, weight: floats, residual, next, rows: tokens }, "a")),
    ).rejects.toThrow(/f32 cannot be multiplied with packed/);
  });
});
