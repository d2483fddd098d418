import { describe, expect, it } from "vitest";
import { swigluReference } from "./swiglu.ref.ts";
import { swiglu } from "./swiglu.ts";
import { compare, tolerances } from "./testing/compare.ts";
import { expectUntouched, openTestGpu, testVariants } from "./testing/harness.ts";
import { randomValues } from "./testing/random.ts";

describe.each(testVariants)("swiglu, $name", (variant) => {
  it.each([
    [1, 1],
    [31, 3],
    [32, 1],
    [33, 31],
    [1536, 2],
    [4099, 3],
  ])("width %i, %i of one more rows", async (width, count) => {
    const t = await openTestGpu(variant);
    const [gates, ups] = [randomValues(width, (count + 1) * width, 3), randomValues(7, (count + 1) * width)];
    const shape = [count + 1, width];
    const [gate, up, out] = [t.f32(shape, gates), t.f32(shape, ups), t.output(shape)];
    await t.run(
      (rec) => swiglu(rec, { gate, up, out, width, rows: { of: "tokens" } }, "test"),
      { tokens: count, outputs: 1 },
      { maxStep: { tokens: count + 1, outputs: 1 } },
    );
    const actual = await t.read(out);
    const expected = swigluReference(gates, ups).subarray(0, count * width);
    compare(actual.subarray(0, count * width), expected, tolerances.elementwise);
    expectUntouched(actual.subarray(count * width));
  });
});

describe("swiglu", () => {
  it("works in place and on gates of any size", async () => {
    const t = await openTestGpu();
    const gates = Float32Array.of(1e4, -1e4, 100, -100, -87, -104, 3e38, -3e38, 0, -0, 1e-30, -1);
    const ups = Float32Array.from(gates, (_, i) => 1 + i / 4);
    const [gate, up] = [t.f32([1, 12], gates), t.f32([1, 12], ups)];
    ups[6] = 0.25;
    ups[7] = 0.25;
    t.gpu.device.queue.writeBuffer(up.buffer, 0, ups);
    await t.run((rec) => swiglu(rec, { gate, up, out: gate, width: 12, rows: { of: "tokens" } }, "test"), {
      tokens: 1,
      outputs: 1,
    });
    const actual = await t.read(gate);
    const expected = swigluReference(gates, ups);
    // Each on its own scale: the large ones must not hide the small.
    expected.forEach((value, i) => {
      const allowed = Math.abs(value) * 5e-6 + 1e-35;
      if (!(Math.abs(actual[i]! - value) <= allowed))
        expect.fail(`gate ${gates[i]}: ${actual[i]}, not ${value}`);
    });
  });

  it("names both shapes when they do not fit", async () => {
    const t = await openTestGpu();
    const [gate, up] = [t.output([2, 64]), t.output([2, 60])];
    const run = t.run(
      (rec) => swiglu(rec, { gate, up, out: gate, width: 64, rows: { of: "tokens" } }, "ffn"),
      { tokens: 2, outputs: 1 },
    );
    await expect(run).rejects.toThrow("swiglu ffn: up is f32 (2, 60) and should be f32 (2 or more, 64)");
  });
});
