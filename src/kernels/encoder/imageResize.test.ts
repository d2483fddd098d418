import { describe, expect, it } from "vitest";
import { expectUntouched, openTestGpu } from "../testing/harness.ts";
import { seededRandom } from "../testing/random.ts";
import { imageResizeRef } from "./imageResize.ref.ts";
import { type ImageResizeArgs, imageResize } from "./imageResize.ts";

const mean = [0.48, 0.45, 0.4] as const;
const std = [0.25, 0.26, 0.27] as const;

describe("imageResize", () => {
  it.each(["bilinear", "bicubic", "lanczos"] as const)(
    "%s: larger, smaller, and as it was",
    async (filter) => {
      const t = await openTestGpu();
      for (const [height, width, outHeight, outWidth, frame] of [
        [9, 7, 9, 7, 0],
        [33, 50, 16, 16, 1],
        [5, 4, 31, 33, 0],
        [100, 3, 8, 20, 2],
        [1, 1, 4, 4, 0],
      ] as const) {
        const random = seededRandom(height);
        // Blocks of colour with noise: flat parts, and edges that overshoot.
        const colour = Array.from({ length: height * width }, (_, i) => {
          const bright = (Math.floor(i / width / 4) + Math.floor((i % width) / 4)) % 2 ? 240 : 10;
          return [0, 1, 2].map(() => Math.min(255, bright + random.integer(30)));
        });
        const words = colour.map(([r, g, b]) => (r! | (g! << 8) | (b! << 16) | (0xff << 24)) >>> 0);
        const most = { inputHeight: height + 3, height: outHeight + 2, width: outWidth + 1 };
        const plane = outHeight * outWidth;
        const out = t.output([frame + 1, 3, most.height, most.width]);
        const args: ImageResizeArgs = {
          pixels: t.u32([height, width], words),
          sizes: t.u32([4], [height, width, outHeight, outWidth]),
          scratch: t.output([most.inputHeight, most.width], "u32"),
          ...{ filter, mean, std, most, frame, out },
        };
        await t.run((rec) => imageResize(rec, args, "test"), { tokens: 1, outputs: 0 });
        const bytes = imageResizeRef(colour.flat(), 3, [height, width], [outHeight, outWidth], filter);
        const all = await t.read(out);
        const start = frame * 3 * plane;
        let off = 0;
        bytes.forEach((byte, i) => {
          const [at, c] = [Math.floor(i / 3), i % 3];
          const actual = (all[start + c * plane + at]! * std[c]! + mean[c]!) * 255;
          // Sums next to a half may round the other way, here and in the pass before.
          expect(Math.abs(actual - byte), `${height} x ${width} byte ${i}`).toBeLessThan(1.01);
          if (Math.abs(actual - byte) > 0.01) off++;
        });
        expect(off / bytes.length, `${height} x ${width}`).toBeLessThan(0.01);
        expectUntouched(all.subarray(0, start));
        expectUntouched(all.subarray(start + 3 * plane));
      }
    },
  );

  it("a window of the resized image is that part of it", async () => {
    const t = await openTestGpu();
    const [height, width, outHeight, outWidth] = [20, 30, 40, 44];
    const random = seededRandom(5);
    const words = Array.from({ length: height * width }, () => random.integer(2 ** 24) + 0xff000000);
    const resize = async (window: [number, number, number, number] | undefined) => {
      const [rows, columns] = window ? [window[2], window[3]] : [outHeight, outWidth];
      const out = t.output([1, 3, rows, columns]);
      const args: ImageResizeArgs = {
        pixels: t.u32([height, width], words),
        sizes: t.u32([4], [height, width, outHeight, outWidth]),
        window: window && t.u32([4], window),
        scratch: t.output([height, columns], "u32"),
        ...{ filter: "lanczos", mean, std, out },
        most: { inputHeight: height, height: rows, width: columns },
      };
      await t.run((rec) => imageResize(rec, args, "test"), { tokens: 1, outputs: 0 });
      return (await t.read(out)).subarray(0, 3 * rows * columns);
    };
    const whole = await resize(undefined);
    const [top, left, rows, columns] = [8, 11, 16, 33];
    const part = await resize([top, left, rows, columns]);
    part.forEach((value, i) => {
      const [c, y, x] = [
        Math.floor(i / rows / columns),
        top + (Math.floor(i / columns) % rows),
        left + (i % columns),
      ];
      expect(value).toBe(whole[(c * outHeight + y) * outWidth + x]);
    });
  });

  it("refuses shapes that do not fit, naming them", async () => {
    const t = await openTestGpu();
    const fitting: ImageResizeArgs = {
      pixels: t.output([4, 4], "u32"),
      sizes: t.u32([4], [4, 4, 2, 2]),
      scratch: t.output([4, 2], "u32"),
      ...{ filter: "bilinear", mean, std, most: { inputHeight: 4, height: 2, width: 2 } },
      out: t.output([1, 3, 2, 2]),
    };
    const run = (args: Partial<ImageResizeArgs>) =>
      t.run((rec) => imageResize(rec, { ...fitting, ...args }, "img"), { tokens: 1, outputs: 0 });
    await run({});
    await expect(run({ scratch: t.output([3, 2], "u32") })).rejects.toThrow(/img.*scratch.*\(3, 2\).*8/);
    await expect(run({ frame: 1 })).rejects.toThrow(/out.*\(1, 3, 2, 2\).*24/);
    await expect(run({ pixels: t.output([4, 4]) })).rejects.toThrow(/pixels is f32/);
    await expect(run({ std: [1, 0, 1] })).rejects.toThrow(/std/);
    await expect(run({ most: { inputHeight: 20000, height: 2, width: 2 } })).rejects.toThrow(/20000/);
    await expect(run({ sizes: t.u32([2], [1, 1]) })).rejects.toThrow(/sizes.*\(2\)/);
  });
});
