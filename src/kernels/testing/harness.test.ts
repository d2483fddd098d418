import { describe, expect, it } from "vitest";
import { weightFormats } from "../../runtime/gpu/tensor.ts";
import { decodeWeights, encodeWeights, f16Bits, f16Value } from "../formats/formats.ref.ts";
import { compare, difference } from "./compare.ts";
import { expectUntouched, openTestGpu, testVariants } from "./harness.ts";
import { randomValues } from "./random.ts";

const addOne = `
@group(0) @binding(0) var<storage, read_write> data: array<f32>;
override count: u32;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < count) { data[id.x] += 1.0; }
}`;

describe("kernel test harness", () => {
  it.each(testVariants)("runs a kernel on $name and reads back", async (variant) => {
    const t = await openTestGpu(variant);
    if (variant.disableSubgroups) expect(t.gpu.subgroups).toBeUndefined();
    const data = t.f32([2, 3], [1, 2, 3, 4, 5, 6]);
    const call = {
      label: "addOne",
      source: addOne,
      constants: { count: 6 },
      bindings: [data],
      workgroups: () => [1] as const,
    };
    await t.run((rec) => rec.dispatch(call), { tokens: 1, outputs: 1 }, { times: 2 });
    expect([...(await t.read(data))]).toEqual([3, 4, 5, 6, 7, 8]);
  });

  it("notices writes behind a tensor", async () => {
    const t = await openTestGpu();
    const data = t.f32([6], [1, 2, 3, 4, 5, 6]);
    const call = {
      label: "addOne",
      source: addOne.replace("+= 1.0", "= 0.0"),
      constants: { count: 7 },
      bindings: [data],
      workgroups: () => [1] as const,
    };
    await t.run((rec) => rec.dispatch(call), { tokens: 1, outputs: 1 });
    await expect(t.read(data)).rejects.toThrow("overwritten");
  });

  it("fails on WebGPU errors and on kernels that do not compile", async () => {
    const t = await openTestGpu();
    const call = { label: "broken", bindings: [], workgroups: () => [1] as const };
    const run = (source: string) =>
      t.run((rec) => rec.dispatch({ ...call, source }), { tokens: 1, outputs: 1 });
    await expect(run("fn main(")).rejects.toThrow("broken does not compile");
    await expect(run(addOne.replace("override count: u32", "override count = 1u"))).rejects.toThrow("WebGPU");
  });

  it("fills outputs with NaN and keeps f16 values", async () => {
    const t = await openTestGpu();
    expectUntouched(await t.read(t.output([5])));
    expect([...(await t.read(t.f16([4], [1, -2.5, 65504, 2 ** -24])))]).toEqual([1, -2.5, 65504, 2 ** -24]);
  });

  it("compares with NaN and length in mind", () => {
    const tolerance = { max: 1e-3, nmse: 1e-3 };
    expect(compare([1, 2], [1, 2], tolerance).maxError).toBe(0);
    expect(() => compare([1, Number.NaN], [1, 2], tolerance)).toThrow("NaN");
    expect(() => compare([1], [1, 2], tolerance)).toThrow("length");
    expect(() => compare([1, 2.1], [1, 2], tolerance)).toThrow("maximum error");
    expect(difference([0, 3], [0, 4]).nmse).toBeCloseTo(1 / 16);
    expect(() => expectUntouched([Number.NaN, 0])).toThrow("element 1");
  });

  it("encodes weights as files hold them", () => {
    for (let bits = 0; bits < 0x7c00; bits += 7) expect(f16Bits(f16Value(bits))).toBe(bits);
    expect(f16Bits(-1 - 2 ** -11)).toBe(0xbc00); // a tie, to even
    expect(f16Bits(70000)).toBe(0x7c00);
    for (const [type, relative] of [
      ["f32", 0],
      ["f16", 1e-3],
      ["q8_0", 0.03],
      ["q4_0", 0.5],
    ] as const) {
      const values = randomValues(1, 320);
      const bytes = encodeWeights(type, values);
      expect(bytes.length).toBe((320 / weightFormats[type].blockWeights) * weightFormats[type].blockBytes);
      compare(decodeWeights(type, bytes), values, { max: relative, nmse: relative ** 2 }, type);
    }
    // A block written by hand: scale 0.5, byte i holds weights i and i + 16.
    const q4 = Uint8Array.from({ length: 18 }, (_, i) => (i < 2 ? [0x00, 0x38][i]! : 0xf0 + (i - 2)));
    expect([...decodeWeights("q4_0", q4)].slice(14, 18)).toEqual([3, 3.5, 3.5, 3.5]);
  });
});
