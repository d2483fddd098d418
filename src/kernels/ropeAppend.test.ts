import { describe, expect, it } from "vitest";
import { rotateHeadsRef } from "./encoder/rotateHeads.ref.ts";
import { decodeKvCache, encodeKvCache } from "./kvCache.ref.ts";
import { cacheFault, type KvCacheSizes, type KvCacheType, kvCacheShape } from "./kvCache.ts";
import { ropeReference } from "./rope.ref.ts";
import type { Rotation } from "./rope.ts";
import { ropeAppend } from "./ropeAppend.ts";
import { interleavedMropeAxes, mropeAxes } from "./ropeAxes.ts";
import { tokenInputs } from "./testing/attentionCase.ts";
import { compare } from "./testing/compare.ts";
import { openTestGpu, type TestGpu } from "./testing/harness.ts";
import { randomValues, seededRandom } from "./testing/random.ts";

/** Positions where an f32 angle would be off, and as good there as at 0. */
const positions = [131071, 65536, 65535, 32768, 4099, 63, 2, 1, 0];

interface AppendCase {
  heads: number;
  kvHeads: number;
  headWidth: number;
  rope?: Omit<Rotation, "frequencyFactors"> | undefined;
  factors?: Float32Array;
  type?: KvCacheType;
  values?: Float32Array;
  slots?: number[];
  maxTokens?: number;
}

/** Time, row and column of a token at a position. */
const coordinates = (position: number) => [position, (7 * position) % 1009, position >> 3];

/** Runs a step of `slots.length` tokens in a cache of two pages of 16. */
async function append(t: TestGpu, test: AppendCase) {
  const { heads, kvHeads, headWidth, rope, factors, type = "f32" } = test;
  const { slots = [3, 31, 4, 16, 0, 9, 17, 2, 30] } = test;
  const maxTokens = test.maxTokens ?? slots.length;
  const width = (heads + 2 * kvHeads) * headWidth;
  const values = test.values ?? randomValues(headWidth, maxTokens * width);
  const sizes: KvCacheSizes = { type, pages: 2, pageSize: 16, kvHeads, headWidth };
  const zeros = encodeKvCache(sizes, new Float32Array(32 * kvHeads * headWidth));
  const tensor = () => ({
    ...t.u32([zeros.length], zeros),
    dtype: type === "q8" ? ("u32" as const) : type,
    shape: kvCacheShape(sizes),
  });
  const cache = { ...sizes, keys: tensor(), values: tensor() };
  const padded = (list: number[]) => Array.from({ length: maxTokens }, (_, i) => list[i] ?? 5);
  const none = padded([]);
  const inputs = tokenInputs(
    t,
    {
      positions: rope?.axes ? padded(positions).flatMap(coordinates) : padded(positions),
      slots: padded(slots),
      sequences: none,
      lengths: none,
      pageTable: [0, 1],
    },
    2,
  );
  if (rope?.axes) inputs.positions = { ...inputs.positions, shape: [maxTokens, 3] };
  const qkv = t.f32([maxTokens, width], values);
  const faults = t.u32([1], [0]);
  await t.run(
    (rec) =>
      ropeAppend(
        rec,
        {
          ...{ qkv, cache, inputs, heads, faults },
          rope: rope && { ...rope, frequencyFactors: factors && t.f32([factors.length], factors) },
        },
        "test",
      ),
    { tokens: slots.length, outputs: 1 },
    { maxStep: { tokens: maxTokens, outputs: 1 } },
  );
  const read = async (name: "keys" | "values") => {
    const words = await t.read({ ...cache[name], dtype: "u32", shape: [zeros.length] });
    return decodeKvCache(sizes, words as Uint32Array<ArrayBuffer>);
  };
  return {
    values,
    slots,
    qkv: await t.read(qkv),
    keys: await read("keys"),
    cachedValues: await read("values"),
    flags: (await t.read(faults))[0]!,
    /** A row of the cache. */
    row: (all: Float32Array, slot: number, head: number) => {
      const start = ((Math.floor(slot / 16) * kvHeads + head) * 16 + (slot % 16)) * headWidth;
      return all.subarray(start, start + headWidth);
    },
  };
}

const tolerance = { max: 2e-6, nmse: 1e-12 };

// It uses no features: all adapters compute the same way.
describe("ropeAppend", () => {
  it.each<AppendCase>([
    { heads: 1, kvHeads: 1, headWidth: 8, rope: { mode: "norm", ropeWidth: 8, thetaBase: 10000 } },
    { heads: 9, kvHeads: 3, headWidth: 64, rope: { mode: "norm", ropeWidth: 64, thetaBase: 500000 } },
    { heads: 4, kvHeads: 1, headWidth: 128, rope: { mode: "neox", ropeWidth: 128, thetaBase: 1e6 } },
    { heads: 4, kvHeads: 4, headWidth: 80, rope: { mode: "neox", ropeWidth: 32, thetaBase: 10000 } },
    {
      ...{ heads: 16, kvHeads: 1, headWidth: 256 },
      rope: { mode: "norm", ropeWidth: 2, thetaBase: 1, positionScale: 1 / 3 },
    },
    { heads: 2, kvHeads: 1, headWidth: 32 },
  ])("$heads / $kvHeads heads of $headWidth", async (test) => {
    const r = await append(await openTestGpu(), test);
    const { heads, kvHeads, headWidth, rope } = test;
    const count = heads + 2 * kvHeads;
    const turned = rope
      ? ropeReference(r.values, positions, { ...rope, heads: count, headWidth })
      : Float64Array.from(r.values);
    const expected = r.values.slice();
    r.slots.forEach((slot, i) => {
      const start = i * count * headWidth;
      expected.set(turned.subarray(start, start + heads * headWidth), start);
      for (let head = 0; head < kvHeads; head++) {
        const key = start + (heads + head) * headWidth;
        const value = key + kvHeads * headWidth;
        compare(r.row(r.keys, slot, head), turned.subarray(key, key + headWidth), tolerance, "key");
        expect(r.row(r.cachedValues, slot, head)).toEqual(r.values.subarray(value, value + headWidth));
      }
    });
    compare(r.qkv, expected, tolerance, "qkv"); // k and v stay as they were
    expect(r.flags).toBe(0);
  });
});

describe("ropeAppend in detail", () => {
  const sizes = { heads: 2, kvHeads: 1, headWidth: 64 };

  it.each([
    { name: "in sections", axes: mropeAxes([8, 12, 12]) },
    { name: "interleaved", axes: interleavedMropeAxes([12, 10, 10]) },
  ])("M-RoPE $name", async ({ axes }) => {
    const rope = { mode: "neox", ropeWidth: 64, thetaBase: 1e6, axes } as const;
    const r = await append(await openTestGpu(), { ...sizes, rope });
    const angles = positions.map((position) =>
      axes.map(({ axis, exponent }) => coordinates(position)[axis]! * 1e6 ** -exponent),
    );
    const turned = rotateHeadsRef(r.values, 4, 64, angles);
    r.slots.forEach((slot, i) => {
      const start = i * 256;
      compare(r.qkv.subarray(start, start + 128), turned.subarray(start, start + 128), tolerance, "q");
      compare(r.row(r.keys, slot, 0), turned.subarray(start + 128, start + 192), tolerance, "key");
    });
  });

  it.each(["norm", "neox"] as const)("%s with frequency factors of any size", async (mode) => {
    const random = seededRandom(5);
    const factors = Float32Array.from({ length: 32 }, (_, i) =>
      i < 8 ? [1, 8, 32, 1.08, 0.75, 0.0078125, 1000, 1e6][i]! : 0.5 + 8 * random.uniform(),
    );
    const rope = { mode, ropeWidth: 64, thetaBase: 500000 };
    const r = await append(await openTestGpu(), { ...sizes, rope, factors });
    const turned = ropeReference(r.values, positions, {
      ...rope,
      heads: 4,
      headWidth: 64,
      frequencyFactors: factors,
    });
    r.slots.forEach((_, i) => {
      const start = i * 256;
      // A factor of 2^-7 costs 7 of the 32 bits that an angle has after the point.
      compare(r.qkv.subarray(start, start + 128), turned.subarray(start, start + 128), {
        max: 5e-5,
        nmse: 1e-10,
      });
    });
  });

  it("stores nothing beyond the cache or the step", async () => {
    const r = await append(await openTestGpu(), { ...sizes, slots: [32, 0xffff_ffff, 7], maxTokens: 5 });
    const nonzero = r.keys.map((x, i) => (x === 0 ? -1 : Math.floor(i / 64))).filter((row) => row >= 0);
    expect([...new Set(nonzero)]).toEqual([7]);
    expect(r.qkv).toEqual(r.values);
  });

  /** Keys of the second token, or values, are this. */
  const withRow = (part: "k" | "v", row: number[]) => {
    const values = randomValues(1, 3 * 256);
    values.set(row, 256 + (part === "k" ? 128 : 192));
    return { ...sizes, values, slots: [1, 2, 3] };
  };

  it("saturates beyond f16 and reports it", async () => {
    const t = await openTestGpu();
    const large = [65504, 65519, 65520, 70000, 1e9, 3e38, -65536, -1e30];
    const r = await append(t, { ...withRow("k", large), type: "f16" });
    expect([...r.row(r.keys, 2, 0).subarray(0, 8)]).toEqual(large.map((x) => Math.sign(x) * 65504));
    expect(r.flags).toBe(1);
    expect(cacheFault(r.flags, "f16")).toMatchObject({ code: "unsupported_model", param: "kvCache.type" });
    expect(cacheFault(r.flags, "f16")!.message).toMatch(/keys exceed .*kvCache\.type "f32"/);
    const v = await append(t, { ...withRow("v", large), type: "f16" });
    expect([...v.row(v.cachedValues, 2, 0).subarray(0, 8)]).toEqual(large.map((x) => Math.sign(x) * 65504));
    expect(v.flags).toBe(2);
    expect(cacheFault(3, "f16")!.message).toContain("keys and values");
    const fits = await append(t, { ...withRow("k", [65504, -65504]), type: "f16" });
    expect(fits.flags).toBe(0);
    expect(cacheFault(0, "f16")).toBeUndefined();
  });

  it("stores large numbers in f32 and q8, and reports what is no number", async () => {
    const t = await openTestGpu();
    for (const type of ["f32", "q8"] as const) {
      const r = await append(t, { ...withRow("v", [1e9, -2e9]), type });
      compare(r.row(r.cachedValues, 2, 0).subarray(0, 2), [1e9, -2e9], { max: 1e-2, nmse: 1e-4 });
      expect(r.flags).toBe(0);
      const broken = await append(t, { ...withRow("v", [Number.NaN]), type });
      expect(broken.flags).toBe(2);
      expect(cacheFault(broken.flags, type)!.message).toContain("not finite");
    }
  });

  it("is the reference of q8 to the byte, but for ties", async () => {
    const r = await append(await openTestGpu(), { ...sizes, type: "q8", slots: [5] });
    const cache: KvCacheSizes = { type: "q8", pages: 1, pageSize: 4, kvHeads: 1, headWidth: 64 };
    const rows = new Float32Array(4 * 64);
    rows.set(r.values.subarray(128, 192));
    const expected = decodeKvCache(cache, encodeKvCache(cache, rows)).subarray(0, 64);
    compare(r.row(r.keys, 5, 0), expected, { max: 1e-6, nmse: 1e-12 });
  });
});
