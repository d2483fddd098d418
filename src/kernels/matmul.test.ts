import { describe, expect, it } from "vitest";
import type { Recording } from "../runtime/gpu/recording.ts";
import { type WeightType, weightFormats } from "../runtime/gpu/tensor.ts";
import { matmulRef } from "./matmul.ref.ts";
import { matmul } from "./matmul.ts";
import type { MatmulArgs } from "./matmulArgs.ts";
import { matmulVec } from "./matmulVec.ts";
import { compare, tolerances } from "./testing/compare.ts";
import { expectUntouched, openTestGpu, type TestGpu, testVariants } from "./testing/harness.ts";
import { randomValues } from "./testing/random.ts";

/** Formats of every kind of group see all cases; what the others add is their own piece of WGSL. */
const types: WeightType[] = ["f32", "f16", "q8_0", "q4_0"];
const otherTypes = (Object.keys(weightFormats) as WeightType[]).filter((type) => !types.includes(type));
const tokens = { of: "tokens" } as const;

type Kernel = (rec: Recording, args: MatmulArgs, label: string) => void;
interface Case {
  R: number;
  N: number;
  K: number;
  maxR?: number;
  bias?: boolean;
  residual?: "separate" | "in place";
  maxBindingBytes?: number;
}

/** Runs one case of one kernel against the reference; rows beyond the step must stay untouched. */
async function check(t: TestGpu, kernel: Kernel, type: WeightType, c: Case): Promise<Recording> {
  const { R, N, K, maxR = R } = c;
  const label = `${type} ${JSON.stringify(c)}`;
  const weight = t.weights(type, N, K, randomValues(N + K, N * K, 0.05), c.maxBindingBytes);
  const x = randomValues(R + 7 * K, maxR * K);
  const bias = c.bias ? randomValues(3, N) : undefined;
  const residual = c.residual ? randomValues(4, maxR * N) : undefined;
  const out = c.residual === "in place" ? t.f32([maxR, N], residual!) : t.output([maxR, N]);
  const args: MatmulArgs = {
    x: t.f32([maxR, K], x),
    weight: weight.matrix,
    out,
    bias: bias && t.f32([N], bias),
    residual: c.residual === "separate" ? t.f32([maxR, N], residual!) : residual && out,
    rows: tokens,
  };
  const rec = await t.run(
    (rec) => kernel(rec, args, "test"),
    { tokens: R, outputs: 0 },
    { maxStep: { tokens: maxR, outputs: 0 } },
  );
  const actual = await t.read(out);
  const expected = matmulRef(x.subarray(0, R * K), weight.values, K, {
    ...(bias && { bias }),
    ...(residual && { residual }),
  });
  compare(actual.subarray(0, R * N), expected, tolerances.matmul, label);
  const rest = actual.subarray(R * N);
  if (c.residual === "in place") expect([...rest], label).toEqual([...residual!.subarray(R * N)]);
  else expectUntouched(rest, label);
  return rec;
}

/** A limit that cuts 100 rows into slices of 64 and 36. */
const limitFor = (type: WeightType, K: number) =>
  (64 * K * Math.max(...weightFormats[type].planes.map((plane) => plane.sizeBytes))) /
  weightFormats[type].blockWeights;

// Every case compiles pipelines of its own, for up to a second on a software adapter: few cases, each odd in many ways.
describe("matmulVec on software adapters: a thread per row, no optional feature", () => {
  it.each(types)("%s: sizes, rows, bias, residual, slices", async (type) => {
    const t = await openTestGpu();
    for (const c of [
      { R: 1, N: 1, K: 32 },
      { R: 1, N: 33, K: 4128, bias: true, residual: "in place" },
      { R: 3, maxR: 8, N: 32, K: 64, residual: "separate" },
      { R: 70, N: 100, K: 288, maxBindingBytes: limitFor(type, 288), bias: true, residual: "in place" },
    ] as const) {
      const rec = await check(t, matmulVec, type, c);
      expect(rec.dispatchCount).toBe("maxBindingBytes" in c ? 2 : 1);
    }
  });
});

/** As on a GPU, whatever the adapter is. */
const asGpu: Kernel = (rec, args, label) => {
  const hardware = { gpu: { ...rec.gpu, software: false } };
  matmulVec(Object.assign(Object.create(rec) as Recording, hardware), args, label);
};

describe.each(testVariants)("matmulVec, $name", (variant) => {
  it.each([
    [1, 7, 1, 8, true],
    [8, 8, 2, 4, false],
    [16, 1, 4, 2, true],
    [64, 1, 3, 1, false],
    [128, 1, 2, 1, false],
  ])("%i threads per row, %i teams, %i weight rows, %i rows", async (...layout) => {
    const [threadsPerRow, rowGroups, threadRows, xRows, skipRows] = layout;
    const t = await openTestGpu(variant);
    const kernel: Kernel = (rec, args, label) =>
      matmulVec(rec, args, label, { threadsPerRow, rowGroups, threadRows, xRows, skipRows });
    await check(t, kernel, "q4_0", { R: 3, maxR: 5, N: 67, K: 1312, bias: true });
  });

  it.each(types)("%s: the layouts of GPUs", async (type) => {
    const t = await openTestGpu(variant);
    await check(t, asGpu, type, { R: 1, N: 31, K: 576, residual: "in place" });
    await check(t, asGpu, type, { R: 2, maxR: 3, N: 33, K: 1120, bias: true });
    if (type === "q8_0") await check(t, asGpu, type, { R: 1, N: 9001, K: 32 }); // 4 rows per thread
  });
});

// Two blocks or more in a row of K-quants, and an odd number of rows: planes of 16 bits a block end within a word.
describe("all other formats", () => {
  it.each(otherTypes)("%s: each kernel", async (type) => {
    const t = await openTestGpu();
    await check(t, matmulVec, type, { R: 3, N: 33, K: 768, bias: true });
    await check(t, asGpu, type, { R: 2, N: 17, K: 1280, residual: "in place" });
  });
});

describe("matmul", () => {
  it("chooses by the largest step; software adapters have no use for tiles", async () => {
    const t = await openTestGpu();
    const x = t.f32([9, 64], randomValues(1, 576));
    const weight = t.weights("q8_0", 3, 64, randomValues(2, 192)).matrix;
    const args = { x, weight, out: t.output([9, 3]), rows: tokens };
    const label = (software: boolean, rows: number) => {
      const calls: string[] = [];
      const rec = {
        gpu: { ...t.gpu, software },
        step: x,
        maxStep: { tokens: rows, outputs: 0 },
        dispatch: (call: { label: string }) => calls.push(call.label),
      };
      matmul(rec as unknown as Recording, args, "test");
      return calls;
    };
    expect(label(false, 8)).toEqual(["matmulVec test"]);
    expect(label(false, 9)).toEqual(["matmulTiled test"]);
    expect(label(true, 9)).toEqual(["matmulVec test"]);
  });

  it("more rows than workgroups in one dimension, 4099 and a vocabulary", async () => {
    const t = await openTestGpu();
    await check(t, matmul, "q4_0", { R: 1, N: 4099, K: 64 });
    const wide: Kernel = (rec, args, label) =>
      matmulVec(rec, args, label, { threadsPerRow: 2, rowGroups: 1, threadRows: 1 });
    await check(t, wide, "q8_0", { R: 1, N: 70_001, K: 32 });
  });

  it("refuses shapes that do not fit, naming both", async () => {
    const t = await openTestGpu();
    const weight = t.weights("q8_0", 5, 64, randomValues(1, 320)).matrix;
    const x = t.f32([2, 64], randomValues(2, 128));
    const out = t.output([2, 5]);
    const run = (args: Partial<MatmulArgs>, rows = 2) =>
      t.run((rec) => matmul(rec, { x, weight, out, rows: tokens, ...args }, "blk.0"), {
        tokens: rows,
        outputs: 0,
      });
    await run({});
    await expect(run({ x: t.f32([2, 63], randomValues(1, 126)) })).rejects.toThrow(
      /blk.0.*\(5, 64\).*\(2, 63\)/,
    );
    await expect(run({ out: t.output([2, 4]) })).rejects.toThrow(/\(5, 64\).*out.*\(2, 4\)/);
    await expect(run({}, 3)).rejects.toThrow(/\(2, 64\)/);
    await expect(run({ bias: t.output([4]) })).rejects.toThrow(/bias.*\(4\)/);
    await expect(run({ residual: t.output([1, 5]) })).rejects.toThrow(/residual.*\(1, 5\)/);
    await expect(run({ x: t.u32([2, 64], new Uint32Array(128)) })).rejects.toThrow(/u32/);
    const square = t.weights("f32", 64, 64, randomValues(1, 4096)).matrix;
    await expect(run({ weight: square, out: x })).rejects.toThrow(/shares/);
  });
});
