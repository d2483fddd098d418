import { describe, expect, it } from "vitest";
import { argmaxReference } from "./argmax.ref.ts";
import { argmax } from "./argmax.ts";
import { hardwareVariants } from "./testing/hardware.ts";
import { openTestGpu } from "./testing/harness.ts";
import { randomValues } from "./testing/random.ts";

const untouched = 0x7fc5a5a5;

describe.each(hardwareVariants)("argmax, $name", ({ as }) => {
  it.each([
    [1, 2],
    [31, 3],
    [32, 33],
    [33, 31],
    [4099, 3],
    [262144, 2],
  ])("vocabulary of %i, %i of one more rows", async (vocab, count) => {
    const t = await openTestGpu();
    const values = randomValues(vocab, (count + 1) * vocab);
    const [logits, out] = [t.f32([count + 1, vocab], values), t.output([count + 1], "u32")];
    await t.run(
      (rec) => argmax(as(rec), { logits, out, vocab, rows: { of: "outputs" } }, "test"),
      { tokens: 1, outputs: count },
      { maxStep: { tokens: 1, outputs: count + 1 } },
    );
    const expected = argmaxReference(values.subarray(0, count * vocab), vocab);
    expect([...(await t.read(out))]).toEqual([...expected, untouched]);
  });
});

describe("argmax", () => {
  it.each([1000, 1001])("takes the lowest of equals and never NaN, vocabulary of %i", async (vocab) => {
    const t = await openTestGpu();
    const { NaN: nan, NEGATIVE_INFINITY: low, POSITIVE_INFINITY: high } = Number;
    const row = (fill: number, entries: [number, number][]) => {
      const values = new Float32Array(vocab).fill(fill);
      for (const [index, value] of entries) values[index] = value;
      return [...values];
    };
    const rows = [
      row(-3, [
        [999, 7],
        [640, 7],
        [300, 7],
      ]),
      row(-3, []),
      row(nan, [
        [700, -5],
        [701, -5],
      ]),
      row(nan, []),
      row(low, [
        [512, nan],
        [900, -3e38],
      ]),
      row(0, [
        [5, 1e-45],
        [6, 3e-45],
      ]),
      row(-1, [
        [400, -0],
        [401, 0],
      ]),
      row(1, [
        [256, high],
        [257, nan],
      ]),
      row(low, []),
    ];
    const [logits, out] = [t.f32([rows.length, vocab], rows.flat()), t.output([rows.length], "u32")];
    await t.run((rec) => argmax(rec, { logits, out, vocab, rows: { of: "outputs" } }, "test"), {
      tokens: 1,
      outputs: rows.length,
    });
    expect([...(await t.read(out))]).toEqual([300, 0, 700, 0, 900, 6, 400, 256, 0]);
  });

  it("names both shapes when they do not fit", async () => {
    const t = await openTestGpu();
    const [logits, out] = [t.output([2, 64]), t.output([1], "u32")];
    const run = (vocab: number) =>
      t.run((rec) => argmax(rec, { logits, out, vocab, rows: { of: "outputs" } }, "head"), {
        tokens: 1,
        outputs: 2,
      });
    await expect(run(60)).rejects.toThrow("logits is f32 (2, 64) and should be f32 (2 or more, 60)");
    await expect(run(64)).rejects.toThrow("out is u32 (1) and should be u32 (2 or more, 1)");
  });
});
