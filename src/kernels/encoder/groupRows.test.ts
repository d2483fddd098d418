import { describe, expect, it } from "vitest";
import type { Recording } from "../../runtime/gpu/recording.ts";
import { compare, tolerances } from "../testing/compare.ts";
import { expectUntouched, openTestGpu } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { groupRowsRef } from "./groupRows.ref.ts";
import { averagePool1d, averagePool2d, pixelShuffle, stackRows } from "./groupRows.ts";

const tokens = { of: "tokens" } as const;

/** Rows of each square, from the images' rows written out as nested lists. */
function squares(images: number, height: number, width: number, factor: number): number[][] {
  const groups: number[][] = [];
  for (let image = 0; image < images; image++)
    for (let y = 0; y < height; y += factor)
      for (let x = 0; x < width; x += factor) {
        const group: number[] = [];
        for (let i = y; i < y + factor; i++)
          for (let j = x; j < x + factor; j++) group.push(image * height * width + i * width + j);
        groups.push(group);
      }
  return groups;
}

async function check(
  rows: number,
  width: number,
  groups: number[][],
  mean: boolean,
  kernel: (rec: Recording, args: Parameters<typeof stackRows>[1]) => void,
) {
  const t = await openTestGpu();
  const x = randomValues(rows, rows * width);
  const outWidth = mean ? width : width * groups[0]!.length;
  const out = t.output([groups.length + 1, outWidth]);
  // What lies behind the rows of the step is nothing to read.
  const padded = t.f32([rows + 20, width], [...x, ...Array(20 * width).fill(Number.NaN)]);
  await t.run((rec) => kernel(rec, { x: padded, width, count: 0, out, rows: tokens }), {
    tokens: rows,
    outputs: 0,
  });
  const expected = groupRowsRef(x, width, groups, mean);
  const actual = await t.read(out);
  const label = `${rows} x ${width}`;
  compare(
    actual.subarray(0, expected.length),
    expected,
    mean ? tolerances.elementwise : tolerances.copy,
    label,
  );
  expectUntouched(actual.subarray(expected.length), label);
}

describe("rows in groups", () => {
  it("pixel shuffle by 2 to 4, of several images", async () => {
    for (const [images, height, width, factor, channels] of [
      [2, 4, 6, 2, 8],
      [1, 9, 3, 3, 4],
      [3, 8, 12, 4, 36],
    ] as const) {
      const groups = squares(images, height, width, factor);
      await check(images * height * width, channels, groups, false, (rec, args) =>
        pixelShuffle(rec, { ...args, grid: { height, width }, factor }, "test"),
      );
    }
  });

  it("means of squares", async () => {
    await check(2 * 6 * 8, 12, squares(2, 6, 8, 2), true, (rec, args) =>
      averagePool2d(rec, { ...args, grid: { height: 6, width: 8 }, factor: 2 }, "test"),
    );
  });

  it("stacks frames, with zeros behind the last, and means of runs, without what is left over", async () => {
    for (const [rows, count] of [
      [31, 8],
      [32, 8],
      [1, 3],
    ] as const) {
      const runs = (number: number) =>
        Array.from({ length: number }, (_, r) => Array.from({ length: count }, (_, i) => r * count + i));
      await check(rows, 20, runs(Math.ceil(rows / count)), false, (rec, args) =>
        stackRows(rec, { ...args, count }, "test"),
      );
      const whole = runs(Math.floor(rows / count));
      if (whole.length > 0)
        await check(rows, 20, whole, true, (rec, args) => averagePool1d(rec, { ...args, count }, "test"));
    }
  });

  it("refuses shapes that do not fit, naming them", async () => {
    const t = await openTestGpu();
    const x = t.output([12, 8]);
    const run = (record: (rec: Recording) => void) => t.run(record, { tokens: 12, outputs: 0 });
    const shuffle = (height: number, width: number, factor: number, out: number[]) =>
      run((rec) => {
        const grid = { height, width };
        pixelShuffle(rec, { x, width: 8, grid, factor, out: t.output(out), rows: tokens }, "merge");
      });
    await expect(shuffle(3, 4, 2, [3, 32])).rejects.toThrow(/merge.*3 x 4.*2/);
    await expect(shuffle(2, 6, 2, [3, 24])).rejects.toThrow(/\(3, 24\).*3 or more, 32/);
    await expect(shuffle(2, 6, 2, [2, 32])).rejects.toThrow(/\(2, 32\).*3 or more, 32/);
    const stack = (count: number, width: number) =>
      run((rec) => stackRows(rec, { x, width, count, out: t.output([2, 64]), rows: tokens }, "frames"));
    await expect(stack(0, 8)).rejects.toThrow(/frames.*0/);
    await expect(stack(8, 6)).rejects.toThrow(/width is 6/);
  });
});
