import { describe, expect, it } from "vitest";
import { roundUp, type WeightType, weightFormats } from "../runtime/gpu/tensor.ts";
import { rowFetchRef } from "./rowFetch.ref.ts";
import { activationMatrix, rowFetch } from "./rowFetch.ts";
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
        const ids = [rows - 1, 0, rows, Math.floor(rows / 2), 0, 0xffffffff, Math.min(64, rows - 1)];
        const out = t.output([ids.length + 1, columns]);
        const args = { table: weights.matrix, ids: t.u32([8], [...ids, 0]), out };
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
      }
    },
  );

  it("gathers rows of an activation", async () => {
    const t = await openTestGpu(variant);
    const values = randomValues(5, 7 * 2 * 48);
    const x = t.f32([7, 2, 48], values);
    const out = t.output([3, 96]);
    const args = {
      table: activationMatrix(x),
      ids: t.u32([3], [6, 2, 2]),
      out,
      rows: { of: "outputs" } as const,
    };
    await t.run((rec) => rowFetch(rec, args, "test"), { tokens: 7, outputs: 3 });
    compare(await t.read(out), rowFetchRef(values, 96, [6, 2, 2]), tolerances.copy);
  });
});

it("refuses shapes that do not fit, naming them", async () => {
  const t = await openTestGpu();
  const table = t.weights("f32", 4, 32, randomValues(1, 128)).matrix;
  const [ids, out, rows] = [t.u32([2], [1, 2]), t.output([2, 32]), { of: "tokens" } as const];
  const run = (args: object, tokens = 2) =>
    t.run((rec) => rowFetch(rec, { table, ids, out, rows, ...args }, "embed"), { tokens, outputs: 1 });
  await expect(run({ out: t.output([2, 31]) })).rejects.toThrow(/embed.*\(2, 31\).*32/);
  await expect(run({}, 3)).rejects.toThrow(/embed.*\(2, 32\).*3 or more, 32/);
  await expect(run({ ids: t.u32([1], [1]) })).rejects.toThrow(/embed.*\(4, 32\).*ids.*\(1\)/);
  await expect(run({ ids: t.f32([2], [1, 2]) })).rejects.toThrow(/f32 \(2\)/);
});
