import { describe, expect, it } from "vitest";
import { kvAppendReference } from "./kvAppend.ref.ts";
import { kvAppend } from "./kvAppend.ts";
import { compare, tolerances } from "./testing/compare.ts";
import { openTestGpu, testVariants } from "./testing/harness.ts";
import { randomValues } from "./testing/random.ts";

const rows = { of: "tokens" } as const;

describe.each(testVariants)("kvAppend, $name", (variant) => {
  it.each([
    { dtype: "f32", pageSize: 16, kvHeads: 1, headWidth: 8 },
    { dtype: "f16", pageSize: 16, kvHeads: 3, headWidth: 80 },
    { dtype: "f32", pageSize: 32, kvHeads: 3, headWidth: 96 },
    { dtype: "f16", pageSize: 32, kvHeads: 2, headWidth: 256 },
    { dtype: "f16", pageSize: 1, kvHeads: 1, headWidth: 8 },
  ] as const)("$dtype, pages of $pageSize, $kvHeads heads of $headWidth", async (sizes) => {
    const { dtype, pageSize, kvHeads, headWidth } = sizes;
    const t = await openTestGpu(variant);
    const pages = Math.max(7, 64 / pageSize);
    const shape = [pages, kvHeads, pageSize, headWidth];
    const count = pages * kvHeads * pageSize * headWidth;
    // Multiples of 1/8 below 256 are f16 numbers, so that what is not written compares exactly.
    const before = (seed: number) =>
      randomValues(seed, count).map((v) => Math.max(-255, Math.min(255, Math.round(v * 8) / 8)));
    const [oldKeys, oldValues] = [before(1), before(2)];
    const [kRows, vRows] = [
      randomValues(3, 33 * kvHeads * headWidth),
      randomValues(4, 33 * kvHeads * headWidth),
    ];
    const last = pages * pageSize;
    // Distinct slots all over the cache; two outside it; the last three tokens are beyond the step.
    const slotValues = Array.from({ length: 33 }, (_, i) => (i * 37 + 5) % last).slice(0, Math.min(33, last));
    while (slotValues.length < 33) slotValues.push(last + slotValues.length);
    if (new Set(slotValues).size !== 33) throw new Error("slots are not distinct");
    slotValues[3] = last;
    slotValues[4] = 0xffff_ffff;
    const tensor = (values: Float32Array) => (dtype === "f16" ? t.f16(shape, values) : t.f32(shape, values));
    const cache = { keys: tensor(oldKeys), values: tensor(oldValues), pages, pageSize, kvHeads, headWidth };
    const k = t.f32([33, kvHeads, headWidth], kRows);
    const v = t.f32([33, kvHeads * headWidth], vRows);
    const slots = t.u32([33], slotValues);
    await t.run(
      (rec) => kvAppend(rec, { k, v, slots, cache, rows }, "test"),
      { tokens: 30, outputs: 1 },
      { maxStep: { tokens: 33, outputs: 1 } },
    );
    const tolerance = dtype === "f16" ? tolerances.f16 : tolerances.copy;
    const used = slotValues.slice(0, 30);
    compare(await t.read(cache.keys), kvAppendReference(oldKeys, kRows, used, sizes), tolerance, "keys");
    compare(
      await t.read(cache.values),
      kvAppendReference(oldValues, vRows, used, sizes),
      tolerance,
      "values",
    );
  });

  it("saturates beyond f16", async () => {
    const t = await openTestGpu(variant);
    const shape = [1, 1, 16, 8];
    const cache = {
      ...{ keys: t.f16(shape, new Float32Array(128)), values: t.f16(shape, new Float32Array(128)) },
      ...{ pages: 1, pageSize: 16, kvHeads: 1, headWidth: 8 },
    };
    const large = [65504, 65519, 65520, 70000, 1e9, 3e38, -65536, -1e30];
    const [k, v] = [
      t.f32([1, 8], large),
      t.f32(
        [1, 8],
        large.map((value) => -value),
      ),
    ];
    const slots = t.u32([1], [2]);
    await t.run((rec) => kvAppend(rec, { k, v, slots, cache, rows }, "test"), { tokens: 1, outputs: 1 });
    const expected = large.map((value) => Math.sign(value) * 65504);
    expect([...(await t.read(cache.keys)).subarray(16, 24)]).toEqual(expected);
    expect([...(await t.read(cache.values)).subarray(16, 24)]).toEqual(expected.map((value) => -value));
  });
});

it("kvAppend names what does not fit", async () => {
  const t = await openTestGpu();
  const sizes = { pages: 2, pageSize: 16, kvHeads: 3, headWidth: 8 };
  const cache = { ...sizes, keys: t.output([2, 3, 16, 8]), values: t.output([2, 3, 16, 8]) };
  const [k, v, slots] = [t.output([2, 24]), t.output([2, 24]), t.output([2], "u32")];
  const run = (changes: object, tokens = 2) =>
    t.run((rec) => kvAppend(rec, { k, v, slots, cache: { ...cache, ...changes }, rows }, "kv"), {
      tokens,
      outputs: 1,
    });
  await expect(run({}, 3)).rejects.toThrow("k is f32 (2, 24) and should be f32 (3 or more, 24)");
  await expect(run({ pages: 3 })).rejects.toThrow(
    "keys is f32 (2, 3, 16, 8) and should be f32 (3, 3, 16, 8)",
  );
  await expect(run({ values: t.output([2, 3, 16, 8], "f16") })).rejects.toThrow("values is f16");
  await expect(run({ headWidth: 12 })).rejects.toThrow("headWidth is 12");
});
