import { describe, expect, it } from "vitest";
import { roundUp, type WeightType, weightFormats } from "../runtime/gpu/tensor.ts";
import { decodeActivations } from "./activations.ref.ts";
import { activationShape } from "./activations.ts";
import { rowFetchRef } from "./rowFetch.ref.ts";
import { mediaId, rowFetch, sampledId } from "./rowFetch.ts";
import { compare, tolerances } from "./testing/compare.ts";
import { expectUntouched, openTestGpu, testVariants } from "./testing/harness.ts";
import { randomValues } from "./testing/random.ts";

const allTypes = Object.keys(weightFormats) as WeightType[];
const types: WeightType[] = ["f32", "f16", "q8_0", "q4_0"];

describe.each(testVariants)("rowFetch, $name", (variant) => {
  // What the other formats add uses no optional feature.
  it.each(variant.disableF16 ? types : allTypes)(
    "%s: all widths, slices and ids out of range",
    async (type) => {
      const t = await openTestGpu(variant);
      const { blockWeights } = weightFormats[type];
      const plain = types.includes(type);
      const sizes = [
        [33, 96, undefined],
        [200, 288, 64 * 288 * 4],
        [1, 32, undefined],
        [150, 4128, 64 * 4128 * 4],
      ] as const;
      for (const [rows, width, maxBytes] of sizes.slice(0, plain ? 4 : 2)) {
        const columns = roundUp(width, blockWeights);
        const values = randomValues(rows + columns, rows * columns);
        const weights = t.weights(type, rows, columns, values, maxBytes);
        if (maxBytes && type === "f32") expect(weights.matrix.slices.length).toBeGreaterThan(2);
        const ids = [rows - 1, 0, rows, Math.floor(rows / 2), 0, 0x7fffffff, Math.min(64, rows - 1)];
        const out = t.output([ids.length + 1, columns]);
        const kind = plain && type.startsWith("f") ? "float" : "packed";
        const nextWeight = randomValues(6, columns);
        const shape = activationShape(kind, 8, columns);
        const prepared = {
          kind,
          width: columns,
          tensor: t.output(shape, kind === "packed" ? "u32" : "f32"),
        } as const;
        // The second id is that of a sampling slot.
        const given = [...ids, 0];
        given[1] = sampledId + 2;
        const args = {
          table: weights.matrix,
          ids: t.u32([8], given),
          sampled: t.u32([4], [9999, 9999, ids[1]!, 9999]),
          out,
          next: { weight: t.f32([columns], nextWeight), out: prepared },
        };
        const step = { tokens: ids.length, outputs: 1 };
        const maxStep = { tokens: 8, outputs: 1 };
        await t.run((rec) => rowFetch(rec, { ...args, rows: { of: "tokens" } }, "test"), step, { maxStep });
        const actual = await t.read(out);
        const expected = rowFetchRef(weights.values, columns, ids);
        compare(
          actual.subarray(0, expected.length),
          expected,
          tolerances.copy,
          `${type} (${rows}, ${columns})`,
        );
        expectUntouched(actual.subarray(expected.length));
        const raw = await t.read(prepared.tensor);
        const words = new Uint32Array(raw.buffer, raw.byteOffset, (raw.length / 8) * ids.length);
        const { values: next, squares } = decodeActivations(kind, words, ids.length, columns);
        compare(
          next,
          expected.map((value, i) => value * nextWeight[i % columns]!),
          tolerances.activations[kind],
          `${type} next`,
        );
        const total = (list: ArrayLike<number>) => Array.from(list).reduce((a, b) => a + b, 0);
        compare(
          [total(squares)],
          [total(expected.map((value) => value * value))],
          tolerances.rowReduction,
          "squares",
        );
      }
    },
  );
});

it("rows of media beside those of the table, which alone are scaled, in whichever slice", async () => {
  const t = await openTestGpu();
  const [rows, columns] = [200, 96];
  const values = randomValues(1, rows * columns);
  const table = t.weights("f32", rows, columns, values, 64 * columns * 4).matrix;
  expect(table.slices.length).toBeGreaterThan(2);
  const rowsOfMedia = randomValues(2, 5 * columns);
  const ids = [mediaId + 4, 99, mediaId, 0, mediaId + 5, 50, mediaId + 1];
  const out = t.output([8, columns]);
  const nextWeight = randomValues(3, columns);
  const next = {
    weight: t.f32([columns], nextWeight),
    out: { kind: "float", width: columns, tensor: t.output(activationShape("float", 8, columns)) },
  } as const;
  const args = { table, ids: t.u32([8], [...ids, 0]), sampled: t.u32([4], [0, 1, 2, 3]), out, next };
  const media = t.f32([5, columns], rowsOfMedia);
  await t.run(
    (rec) => rowFetch(rec, { ...args, media, scale: 3, rows: { of: "tokens" } }, "test"),
    { tokens: ids.length, outputs: 1 },
    { maxStep: { tokens: 8, outputs: 1 } },
  );
  const row = (from: Float32Array, i: number) => [...from.subarray(i * columns, (i + 1) * columns)];
  const scaled = (i: number) => row(values, i).map((value) => Math.fround(3 * value));
  const zeros = new Array<number>(columns).fill(0);
  const expected = [
    ...row(rowsOfMedia, 4),
    ...scaled(99),
    ...row(rowsOfMedia, 0),
    ...scaled(0),
    ...zeros,
    ...scaled(50),
    ...row(rowsOfMedia, 1),
  ];
  const actual = await t.read(out);
  compare(actual.subarray(0, expected.length), expected, tolerances.copy, "media");
  expectUntouched(actual.subarray(expected.length));
  const raw = await t.read(next.out.tensor);
  const words = new Uint32Array(raw.buffer, raw.byteOffset, (raw.length / 8) * ids.length);
  compare(
    decodeActivations("float", words, ids.length, columns).values,
    expected.map((value, i) => value * nextWeight[i % columns]!),
    tolerances.activations.float,
    "media next",
  );
});

it("refuses shapes that do not fit, naming them", async () => {
  const t = await openTestGpu();
  const table = t.weights("f32", 4, 32, randomValues(1, 128)).matrix;
  const [ids, out, rows] = [t.u32([2], [1, 2]), t.output([2, 32]), { of: "tokens" } as const];
  const next = {
    weight: t.output([32]),
    out: { kind: "packed", width: 32, tensor: t.output([2, 5, 1, 4], "u32") },
  } as const;
  const run = (args: object, tokens = 2) =>
    t.run((rec) => rowFetch(rec, { table, ids, sampled: ids, out, next, rows, ...args }, "embed"), {
      tokens,
      outputs: 1,
    });
  await expect(run({ out: t.output([2, 31]) })).rejects.toThrow(/embed.*\(2, 31\).*32/);
  await expect(run({}, 3)).rejects.toThrow(/embed.*\(2, 32\).*3 or more, 32/);
  await expect(run({ ids: t.u32([1], [1]) })).rejects.toThrow(/embed.*\(4, 32\).*ids.*\(1\)/);
  await expect(run({ ids: t.f32([2], [1, 2]) })).rejects.toThrow(/f32 \(2\)/);
  await expect(run({ media: t.output([3, 31]) })).rejects.toThrow(/media.*\(3, 31\)/);
});
