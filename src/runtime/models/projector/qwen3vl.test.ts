import { describe, expect, test } from "vitest";
import { projectorSpec } from "./projectors.ts";
import { inTenths, type PictureLimits, qwen3vlPlan, smartSize, stepLimits } from "./qwen3vl.ts";
import { qwen3vlMetadata } from "./testing/projectorFile.ts";

const square = 32 ** 2;
const limits: PictureLimits = { factor: 32, minPixels: 64 * square, maxPixels: 1024 * square, maxSide: 1536 };
const sizeOf = (width: number, height: number) => {
  const resized = smartSize({ width, height }, limits);
  return [resized.width, resized.height];
};

describe("sizes of pictures", () => {
  test.each([
    // Within the limits: the nearest multiples, halves to the even one.
    [1000, 600, 992, 608],
    [1023, 1030, 1024, 1024],
    [720, 400, 704, 384],
    // Too large, and too small.
    [4000, 3000, 1152, 864],
    [100, 100, 256, 256],
    [33, 1, 1472, 64],
    // Longer than there is room for.
    [4096, 16, 1536, 32],
    [700, 4096, 256, 1536],
  ])("%i x %i is seen as %i x %i", (width, height, seenWidth, seenHeight) => {
    expect(sizeOf(width, height)).toEqual([seenWidth, seenHeight]);
  });

  test("whatever comes fits", () => {
    for (let width = 1; width <= 4096; width = Math.ceil(width * 1.13))
      for (let height = 1; height <= 4096; height = Math.ceil(height * 1.17)) {
        const [w = 0, h = 0] = sizeOf(width, height);
        expect(w % 32 === 0 && h % 32 === 0 && Math.min(w, h) >= 32 && Math.max(w, h) <= 1536).toBe(true);
        expect(w * h).toBeLessThanOrEqual(limits.maxPixels);
      }
  });

  test("a view has the rows of its squares, a quarter of them where little detail is wanted", () => {
    const plan = (detail: "low" | "high") => qwen3vlPlan({ width: 1536, height: 512 }, detail, limits, 2);
    const own = { width: 1536, height: 512, patches: 3072, grid: [1, 16, 48] };
    expect(plan("high")).toMatchObject({
      views: [{ resized: { width: 1536, height: 512 }, own }],
      pieces: [0],
    });
    expect(plan("low").views[0]!.own!.grid).toEqual([1, 9, 27]);
  });
});

describe("steps of videos", () => {
  test.each([
    // A short video may have what a picture may, but for the most of a step.
    [1, 1920, 1080, 1152, 640],
    [4, 448, 336, 448, 320],
    // All steps together have 2048 squares at most, and 64 at least.
    [16, 1920, 1080, 480, 256],
    [1, 100, 100, 256, 256],
    [4, 100, 100, 128, 128],
  ])("%i steps of %i x %i are seen as %i x %i", (steps, width, height, seenWidth, seenHeight) => {
    const resized = smartSize({ width, height }, stepLimits(limits, steps));
    expect([resized.width, resized.height]).toEqual([seenWidth, seenHeight]);
  });

  test("stay within what the file allows", () => {
    const small = { ...limits, minPixels: 4 * square, maxPixels: 48 * square };
    for (const steps of [1, 2, 16]) {
      const { width, height } = smartSize({ width: 9, height: 4000 }, stepLimits(small, steps));
      expect(width * height).toBeLessThanOrEqual(small.maxPixels);
    }
  });

  test.each([
    [0, "0.0"],
    [0.25, "0.2"],
    [0.75, "0.8"],
    [1.25, "1.2"],
    [10.5, "10.5"],
    [0.35, "0.3"],
    [2 / 3, "0.7"],
    [119.96, "120.0"],
  ])("%f s are written %s, as Python does", (seconds, written) => {
    expect(inTenths(seconds)).toBe(written);
  });
});

describe("what a file says", () => {
  const spec = (changes: Record<string, unknown>, width = 64, layers = 2) => {
    const metadata = new Map(qwen3vlMetadata().map(([key, , value]) => [key, value as never]));
    for (const [key, value] of Object.entries(changes))
      if (value === undefined) metadata.delete(key);
      else metadata.set(key, value as never);
    const tensors = [{ name: "v.deepstack.1.fc1.weight" }] as never;
    return projectorSpec({ version: 3, metadata, tensors, dataOffsetBytes: 0 }, width, layers);
  };

  test("layers that add rows are flagged, or have a merger", () => {
    const names = spec({}).tensors.map(({ name }) => name);
    expect(names.filter((name) => name.endsWith("fc2.weight"))).toEqual([
      "v.deepstack.0.fc2.weight",
      "v.deepstack.2.fc2.weight",
    ]);
    const unflagged = spec({ "clip.vision.is_deepstack_layers": undefined }, 64, 1);
    expect(unflagged.tensors.map(({ name }) => name)).toContain("v.deepstack.1.fc2.weight");
  });

  test("names what does not fit", () => {
    expect(() => spec({}, 64, 0)).toThrow(/rows for 2 layers and the language model has 0/);
    expect(() => spec({ "clip.vision.is_deepstack_layers": [true, true, true, true] })).toThrow(
      /up to 3 flags/,
    );
    expect(() => spec({ "clip.vision.spatial_merge_size": 16 })).toThrow(/spatial_merge_size is 16/);
    expect(() => spec({ "clip.vision.image_max_pixels": -5 })).toThrow(/image_max_pixels is -5/);
    expect(() => spec({ "clip.vision.attention.head_count": 32 })).toThrow(/Heads of 4 /);
  });
});
