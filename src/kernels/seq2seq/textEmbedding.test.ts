import { describe, expect, it } from "vitest";
import { compare, tolerances } from "../testing/compare.ts";
import { expectUntouched, openTestGpu, testVariants } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { textEmbeddingRef } from "./textEmbedding.ref.ts";
import { textEmbedding } from "./textEmbedding.ts";

const rows = { of: "tokens" } as const;

describe.each(testVariants)("textEmbedding, $name", (variant) => {
  it.each(["f32", "f16", "q8_0", "q5_0"] as const)("%s: slices, ids out of range", async (type) => {
    const t = await openTestGpu(variant);
    for (const [vocab, columns, maxBytes] of [
      [33, 96, undefined],
      [200, 288, 64 * 288 * 4],
      [1, 32, undefined],
    ] as const) {
      const { matrix, values } = t.weights(type, vocab, columns, randomValues(1, vocab * columns), maxBytes);
      const positionTable = randomValues(2, 7 * columns);
      const ids = [vocab - 1, 0, vocab, vocab >> 1, 0x7fff_ffff];
      const positions = [0, 6, 3, 5, 1];
      const out = t.output([6, columns]);
      const args = {
        ...{ table: matrix, positionTable: t.f32([7, columns], positionTable), out, rows },
        ...{ ids: t.u32([6], [...ids, 0]), positions: t.u32([6], [...positions, 0]) },
      };
      const maxStep = { tokens: 6, outputs: 0 };
      await t.run((rec) => textEmbedding(rec, args, "test"), { tokens: 5, outputs: 0 }, { maxStep });
      const actual = await t.read(out);
      const expected = textEmbeddingRef(values, positionTable, columns, ids, positions);
      compare(
        actual.subarray(0, expected.length),
        expected,
        tolerances.elementwise,
        `${type} (${vocab}, ${columns})`,
      );
      expectUntouched(actual.subarray(expected.length));
    }
  });
});

it("textEmbedding refuses what does not fit, naming it", async () => {
  const t = await openTestGpu();
  const table = t.weights("f32", 4, 32, randomValues(1, 128)).matrix;
  const [ids, positions] = [t.u32([2], [0, 1]), t.u32([2], [0, 1])];
  const [positionTable, out] = [t.output([3, 32]), t.output([2, 32])];
  const run = (change: object) =>
    t.run((rec) => textEmbedding(rec, { table, ids, positions, positionTable, out, rows, ...change }, "e"), {
      ...{ tokens: 2, outputs: 0 },
    });
  await run({});
  await expect(run({ positionTable: t.output([3, 16]) })).rejects.toThrow(/\(3, 16\).*32 wide/);
  await expect(run({ ids: t.u32([1], [0]) })).rejects.toThrow(/ids.*\(1\)/);
  await expect(run({ out: t.output([2, 16]) })).rejects.toThrow(/out.*\(2, 16\)/);
});
