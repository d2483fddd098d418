import { expect, it } from "vitest";
import { f16Bits, f16Value } from "../formats/formats.ref.ts";
import { compare } from "../testing/compare.ts";
import { openTestGpu, testVariants } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { packHalves } from "./packHalves.ts";

const tokens = { of: "tokens" } as const;

it.each(testVariants)("$name: rounds to f16 and cuts off what exceeds it", async (variant) => {
  const t = await openTestGpu(variant);
  for (const [rows, width] of [
    [1, 4],
    [33, 36],
    [5, 4100],
  ] as const) {
    const values = randomValues(rows, rows * width);
    values.set([65519, -1e9, 0, 2 ** -20]);
    const out = t.output([rows, width], "f16");
    const args = { x: t.f32([rows, width], values), width, out, rows: tokens };
    await t.run((rec) => packHalves(rec, args, "test"), { tokens: rows, outputs: 0 });
    const expected = values.map((value) => f16Value(f16Bits(Math.max(-65504, Math.min(65504, value)))));
    // How ties and the bits behind f16 are rounded is up to the GPU: by one unit at most.
    compare(await t.read(out), expected, { max: 2 ** -10, nmse: 1e-7 }, `(${rows}, ${width})`);
  }
});

it("refuses shapes that do not fit, naming them", async () => {
  const t = await openTestGpu();
  const [x, out] = [t.output([2, 8]), t.output([2, 8], "f16")];
  const run = (args: object) =>
    t.run((rec) => packHalves(rec, { x, width: 8, out, rows: tokens, ...args }, "k"), {
      tokens: 2,
      outputs: 0,
    });
  await expect(run({ width: 6 })).rejects.toThrow(/k.*width.*6/);
  await expect(run({ x: t.output([2, 4]) })).rejects.toThrow(/x is.*\(2, 4\).*8/);
  await expect(run({ out: t.output([2, 8]) })).rejects.toThrow(/out is f32.*f16/);
});
