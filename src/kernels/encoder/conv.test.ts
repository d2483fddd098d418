import { describe, expect, it } from "vitest";
import type { Recording } from "../../runtime/gpu/recording.ts";
import type { WeightType } from "../../runtime/gpu/tensor.ts";
import { geluRef, geluTanhRef } from "../gelu.ref.ts";
import { checkMatmul, type MatmulArgs } from "../matmulArgs.ts";
import { matmulTiled } from "../matmulTiled.ts";
import { compare, tolerances } from "../testing/compare.ts";
import { hardwareVariants } from "../testing/hardware.ts";
import { expectUntouched, openTestGpu, testVariants } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { convRef } from "./conv.ref.ts";
import { type Conv1dArgs, conv1d, conv2d } from "./conv.ts";

const tokens = { of: "tokens" } as const;
/** Outputs that weights are many enough for to be near 1, and both sides of GELU seen. */
const weightScale = (columns: number) => 0.5 / Math.sqrt(columns);

describe.each(testVariants)("convolutions, $name", (variant) => {
  it.each(hardwareVariants)("$name: 1-D with both strides", async ({ as }) => {
    const t = await openTestGpu(variant);
    for (const [rows, channels, outputs, stride, type] of [
      // Loops that Mesa's compiler does not unroll: it would take seconds.
      [1, 48, 5, 1, "f32"],
      [31, 80, 33, 1, "f32"],
      [33, 128, 20, 2, "f16"],
    ] as const) {
      const columns = 3 * channels;
      const x = randomValues(rows, stride * rows * channels);
      const { matrix, values } = t.weights(
        type as WeightType,
        outputs,
        columns,
        randomValues(columns, outputs * columns, weightScale(columns)),
      );
      const bias = randomValues(3, outputs, 0.5);
      const residual = randomValues(4, (rows + 2) * outputs);
      const out = t.output([rows + 2, outputs]);
      const args: Conv1dArgs = {
        // What lies behind the step's rows is not read: it would make NaN.
        x: t.f32([stride * (rows + 2), channels], [...x, ...Array(2 * stride * channels).fill(Number.NaN)]),
        weight: matrix,
        bias: t.f32([outputs], bias),
        residual: t.f32([rows + 2, outputs], residual),
        activation: "gelu",
        ...{ stride, channels, out, rows: tokens },
      };
      const maxStep = { tokens: rows + 2, outputs: 0 };
      await t.run((rec) => conv1d(as(rec), args, "test"), { tokens: rows, outputs: 0 }, { maxStep });
      const sums = convRef(x, values, {
        ...{ height: stride * rows, width: 1, channels, outputs, stride },
        kernel: [3, 1],
        padding: [1, 0],
      });
      const expected = sums.map((sum, i) => geluRef(sum + bias[i % outputs]!) + residual[i]!);
      const actual = await t.read(out);
      const label = `${type} ${rows} x ${channels} to ${outputs}, stride ${stride}`;
      compare(actual.subarray(0, expected.length), expected, tolerances.matmul, label);
      expectUntouched(actual.subarray(expected.length), label);
    }
  });

  it("2-D with both strides, odd sizes and several images", async () => {
    const t = await openTestGpu(variant);
    const small = { threadN: 1, threadR: 4, teamN: 8, teamR: 8 };
    const tiled = (rec: Recording) =>
      Object.assign(Object.create(rec) as Recording, { choose: () => ({ kernel: "float", ...small }) });
    for (const [images, height, width, channels, outputs, stride, tiles] of [
      [1, 1, 1, 16, 3, 1, false],
      [2, 5, 7, 120, 9, 1, true],
      [3, 7, 6, 16, 5, 2, false],
    ] as const) {
      const columns = 9 * channels;
      const x = randomValues(height, images * height * width * channels);
      const weights = randomValues(columns, outputs * columns, weightScale(columns));
      const bias = randomValues(3, outputs);
      const sums = convRef(x, weights, {
        ...{ height, width, channels, outputs, stride },
        kernel: [3, 3],
        padding: [1, 1],
      });
      const rows = sums.length / outputs;
      const out = t.output([rows, outputs]);
      const args = {
        x: t.f32([images, height, width, channels], x),
        weight: t.weights("f32", outputs, columns, weights).matrix,
        bias: t.f32([outputs], bias),
        activation: "geluTanh",
        ...{ height, width, channels, stride, out, rows: tokens },
      } as const;
      await t.run(
        (rec) => {
          // The kernel for many rows as well, whose default tiles software adapters compile for seconds.
          const software = rec.gpu.software && !tiles;
          const as = Object.create(rec, { gpu: { value: { ...rec.gpu, software } } }) as Recording;
          conv2d(tiles ? tiled(as) : as, args, "test");
        },
        { tokens: rows, outputs: 0 },
      );
      const expected = sums.map((sum, i) => geluTanhRef(sum + bias[i % outputs]!));
      compare(
        await t.read(out),
        expected,
        tolerances.matmul,
        `${images} of ${height} x ${width} x ${channels}`,
      );
    }
  });
});

describe("matmul of plain rows", () => {
  it("hundreds of rows with bias, activation and residual, listed or in turn", async () => {
    const t = await openTestGpu();
    const [rows, N, K] = [300, 24, 1064];
    const x = randomValues(1, rows * K);
    const weights = randomValues(2, N * K, 0.02);
    const bias = randomValues(3, N);
    const before = randomValues(4, rows * N);
    const order = Uint32Array.from({ length: rows }, (_, r) => (r * 7) % rows);
    for (const [activation, listed] of [
      ["gelu", false],
      ["geluTanh", true],
      [undefined, false],
    ] as const) {
      const out = t.f32([rows, N], before);
      const args: MatmulArgs = {
        x: { kind: "plain", width: K, tensor: t.f32([rows, K], x) },
        ...(listed && { xRows: t.u32([rows], order) }),
        weight: t.weights("f32", N, K, weights).matrix,
        ...{ activation, out, bias: t.f32([N], bias), residual: out, rows: tokens },
      };
      await t.run(
        (rec) => {
          checkMatmul(rec, args, "test");
          matmulTiled(rec, args, "test", { threadN: 1, threadR: 4, teamN: 8, teamR: 8 });
        },
        { tokens: rows, outputs: 0 },
      );
      const f = activation === "gelu" ? geluRef : activation ? geluTanhRef : (sum: number) => sum;
      const expected = before.map((value, i) => {
        const [r, n] = [listed ? order[Math.floor(i / N)]! : Math.floor(i / N), i % N];
        let sum = bias[n]!;
        for (let k = 0; k < K; k++) sum += x[r * K + k]! * weights[n * K + k]!;
        return value + f(sum);
      });
      compare(await t.read(out), expected, tolerances.matmul, activation ?? "no activation");
    }
  });

  it("refuses what does not fit, naming it", async () => {
    const t = await openTestGpu();
    const weight = t.weights("f32", 4, 144, randomValues(1, 576)).matrix;
    const [x, out, step] = [t.output([4, 48]), t.output([2, 4]), { tokens: 2, outputs: 0 }];
    const run = (args: Partial<Conv1dArgs>) =>
      t.run(
        (rec) => conv1d(rec, { x, weight, channels: 48, stride: 2, out, rows: tokens, ...args }, "c"),
        step,
      );
    await run({});
    await expect(run({ channels: 4 })).rejects.toThrow(/12 wide.*144/);
    await expect(run({ x: t.output([3, 48]) })).rejects.toThrow(/\(3, 48\).*4 or more, 48/);
    await expect(run({ stride: 3 as 2 })).rejects.toThrow(/stride.*3/);
    await expect(run({ out: t.output([2, 5]) })).rejects.toThrow(/\(2, 5\)/);
    const image = {
      x,
      weight: t.weights("f32", 4, 432, randomValues(1, 1728)).matrix,
      channels: 48,
      stride: 1,
    } as const;
    const run2d = (height: number, width: number) =>
      t.run((rec) => conv2d(rec, { ...image, height, width, out, rows: tokens }, "c"), step);
    await run2d(2, 1);
    await expect(run2d(2, 3)).rejects.toThrow(/6 or more, 48/);
    await expect(run2d(0, 3)).rejects.toThrow(/height.*0/);
    const plain = { kind: "plain", width: 144, tensor: t.output([2, 144]) } as const;
    await expect(
      t.run(
        (rec) => checkMatmul(rec, { x: plain, weight, out, normalize: { eps: 1 }, rows: tokens }, "n"),
        step,
      ),
    ).rejects.toThrow(/n.*normalize/);
  });
});

it("GELU from the series and from the fraction agree", () => {
  // Φ(-3) and Φ(-3.5355…) from tables of the normal distribution.
  expect(geluRef(-3) / -3).toBeCloseTo(0.001349898, 9);
  expect(geluRef(-4) / -4).toBeCloseTo(0.00003167124, 10);
  expect(geluRef(1)).toBeCloseTo(0.8413447461, 9);
});
