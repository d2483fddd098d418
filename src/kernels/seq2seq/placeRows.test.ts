import { describe, expect, it } from "vitest";
import { openTestGpu, testVariants } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { placeRowsRef } from "./placeRows.ref.ts";
import { placeRows } from "./placeRows.ts";

const rows = { of: "tokens" } as const;

/** Values as rows. */
const table = (values: Iterable<number>, width: number): number[][] => {
  const all = [...values];
  return Array.from({ length: all.length / width }, (_, row) => all.slice(row * width, (row + 1) * width));
};

describe.each(testVariants)("placeRows, $name", (variant) => {
  it.each([
    { count: 1, keys: 1, width: 4, start: 0, stride: 4 },
    { count: 33, keys: 64, width: 132, start: 64, stride: 200 },
    { count: 3, keys: 448, width: 768, start: 384, stride: 1152 },
  ])("$count rows of $width columns", async ({ count, keys, width, start, stride }) => {
    const t = await openTestGpu(variant);
    const x = randomValues(1, (count + 1) * stride);
    const before = randomValues(2, keys * width);
    // In no order, the last beyond the cache.
    const places = Array.from({ length: count }, (_, i) => (i * 7 + 3) % keys);
    if (count > 1) places[count - 1] = keys;
    const cache = t.f32([keys, width], before);
    const args = {
      x: t.f32([count + 1, stride], x),
      start,
      places: t.u32([count + 1], [...places, 0]),
      cache,
      rows,
    };
    const maxStep = { tokens: count + 1, outputs: 0 };
    await t.run((rec) => placeRows(rec, args, "test"), { tokens: count, outputs: 0 }, { maxStep });
    const expected = table(before, width);
    placeRowsRef(expected, table(x, stride), start, places);
    expect(table(await t.read(cache), width)).toEqual(expected);
  });
});

it("placeRows refuses what does not fit, naming it", async () => {
  const t = await openTestGpu();
  const [x, cache, places] = [t.output([2, 24]), t.output([5, 8]), t.u32([2], [0, 1])];
  const run = (change: object) =>
    t.run((rec) => placeRows(rec, { x, cache, places, start: 8, rows, ...change }, "p"), {
      tokens: 2,
      outputs: 0,
    });
  await run({});
  await expect(run({ start: 20 })).rejects.toThrow(/start is 20/);
  await expect(run({ start: 6 })).rejects.toThrow(/columns 6/);
  await expect(run({ places: t.u32([1], [0]) })).rejects.toThrow(/places.*\(1\)/);
  await expect(run({ x: cache, start: 0 })).rejects.toThrow(/cache is in the buffer/);
});
