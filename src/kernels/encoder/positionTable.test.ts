import { expect, it } from "vitest";
import { compare, tolerances } from "../testing/compare.ts";
import { expectUntouched, openTestGpu } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { positionAt } from "./positionTable.ref.ts";
import { type PositionTableArgs, positionTable } from "./positionTable.ts";

const tokens = { of: "tokens" } as const;

it("fits tables to larger and smaller images, by corners or by cells, in either order", async () => {
  const t = await openTestGpu();
  const shape = [5, 7, 12] as const;
  const table = randomValues(1, 5 * 7 * 12);
  for (const [height, width, merge, alignCorners] of [
    [5, 7, 1, true],
    [5, 7, 1, false],
    [8, 12, 2, true],
    [4, 18, 2, false],
    [1, 1, 1, true],
    [3, 2, 1, false],
  ] as const) {
    const count = height * width;
    const out = t.output([count + 1, 12]);
    const args: PositionTableArgs = {
      table: t.f32(shape, table),
      // The image ends in half a patch.
      sizes: t.u32([4], [1, 1, height * 16 + 8, width * 16 + 8]),
      ...{ patchSize: 16, merge, alignCorners, out, rows: tokens },
    };
    await t.run((rec) => positionTable(rec, args, "test"), { tokens: count, outputs: 0 });
    const expected: number[] = [];
    for (let y = 0; y < height; y += merge)
      for (let x = 0; x < width; x += merge)
        for (let i = y; i < y + merge; i++)
          for (let j = x; j < x + merge; j++) {
            const at = alignCorners
              ? [(i * 4) / Math.max(1, height - 1), (j * 6) / Math.max(1, width - 1)]
              : [((i + 0.5) * 5) / height - 0.5, ((j + 0.5) * 7) / width - 0.5];
            expected.push(...positionAt(table, shape, at[0]!, at[1]!));
          }
    const actual = await t.read(out);
    const label = `${height} x ${width} merge ${merge} ${alignCorners ? "corners" : "cells"}`;
    compare(actual.subarray(0, count * 12), expected, tolerances.rowReduction, label);
    expectUntouched(actual.subarray(count * 12), label);
  }
});

it("refuses shapes that do not fit, naming them", async () => {
  const t = await openTestGpu();
  const [table, sizes] = [t.output([2, 2, 8]), t.u32([4], [8, 8, 8, 8])];
  const run = (args: object) =>
    t.run(
      (rec) => {
        const fitting = {
          table,
          sizes,
          patchSize: 4,
          alignCorners: true,
          out: t.output([4, 8]),
          rows: tokens,
        };
        positionTable(rec, { ...fitting, ...args }, "pos");
      },
      { tokens: 4, outputs: 0 },
    );
  await expect(run({ table: t.output([4, 8]) })).rejects.toThrow(/pos.*D is 0/);
  await expect(run({ table: t.output([2, 2, 6]) })).rejects.toThrow(/table is.*\(2, 2, 6\)/);
  await expect(run({ out: t.output([4, 12]) })).rejects.toThrow(/out.*\(4, 12\).*8/);
  await expect(run({ merge: 0 })).rejects.toThrow(/merge.*0/);
});
