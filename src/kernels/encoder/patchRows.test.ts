import { describe, expect, it } from "vitest";
import { matmulRef } from "../matmul.ref.ts";
import { compare, tolerances } from "../testing/compare.ts";
import { expectUntouched, openTestGpu } from "../testing/harness.ts";
import { randomValues } from "../testing/random.ts";
import { convRef } from "./conv.ref.ts";
import { patchColumns, patchRows } from "./patchRows.ts";

const tokens = { of: "tokens" } as const;

/** Numbers of a raster in squares of `merge` by `merge`, those in rows. */
function mergeOrder(height: number, width: number, merge: number): number[] {
  const order: number[] = [];
  for (let y = 0; y < height; y += merge)
    for (let x = 0; x < width; x += merge)
      for (let i = 0; i < merge; i++) for (let j = 0; j < merge; j++) order.push((y + i) * width + x + j);
  return order;
}

describe("patchRows", () => {
  it("with a matmul, is the convolution of patches, in rows or in squares, of one frame or two", async () => {
    const t = await openTestGpu();
    for (const { patchSize, frames, channels, merge, height, width } of [
      { patchSize: 14, frames: 1, channels: 3, merge: 1, height: 30, width: 42 },
      { patchSize: 4, frames: 2, channels: 3, merge: 2, height: 16, width: 24 },
      { patchSize: 3, frames: 1, channels: 1, merge: 1, height: 9, width: 6 },
    ]) {
      const outputs = 5;
      const image = randomValues(patchSize, frames * channels * height * width);
      const [gridHeight, gridWidth] = [Math.floor(height / patchSize), Math.floor(width / patchSize)];
      const count = gridHeight * gridWidth;
      const columns = patchColumns({ channels, frames, patchSize });
      const out = t.output([count + 1, columns]);
      const sizes = t.u32([4], [1, 1, height, width]);
      const tensor = t.f32([frames, channels, height, width], image);
      await t.run(
        (rec) =>
          patchRows(
            rec,
            { image: tensor, sizes, channels, frames, patchSize, merge, out, rows: tokens },
            "test",
          ),
        { tokens: count, outputs: 0 },
      );
      const actual = await t.read(out);
      expectUntouched(actual.subarray(count * columns));
      // Weights (N, channels, frames, P, P) and their zeros, times the rows.
      const used = channels * frames * patchSize ** 2;
      const weights = randomValues(7, outputs * used);
      const padded = new Float32Array(outputs * columns);
      for (let n = 0; n < outputs; n++) padded.set(weights.subarray(n * used, (n + 1) * used), n * columns);
      const rows = actual.subarray(0, count * columns) as Float32Array;
      expect(rows.every((value, i) => i % columns < used || value === 0)).toBe(true);
      // The reference takes pixels with channels and frames together, last.
      const depth = frames * channels;
      const pixels = new Float32Array(image.length);
      const kernel = new Float32Array(weights.length);
      for (let f = 0; f < frames; f++)
        for (let c = 0; c < channels; c++) {
          for (let i = 0; i < height * width; i++)
            pixels[i * depth + c * frames + f] = image[(f * channels + c) * height * width + i]!;
          for (let n = 0; n < outputs; n++)
            for (let i = 0; i < patchSize ** 2; i++)
              kernel[(n * patchSize ** 2 + i) * depth + c * frames + f] =
                weights[((n * channels + c) * frames + f) * patchSize ** 2 + i]!;
        }
      const raster = convRef(pixels, kernel, {
        ...{ height, width, channels: depth, outputs, stride: patchSize },
        kernel: [patchSize, patchSize],
        padding: [0, 0],
      });
      const expected = mergeOrder(gridHeight, gridWidth, merge).flatMap((r) => [
        ...raster.subarray(r * outputs, (r + 1) * outputs),
      ]);
      compare(matmulRef(rows, padded, columns), expected, tolerances.matmul, `patches of ${patchSize}`);
    }
  });

  it("refuses shapes that do not fit, naming them", async () => {
    const t = await openTestGpu();
    const [image, sizes] = [t.output([3, 8, 8]), t.u32([4], [8, 8, 8, 8])];
    const run = (args: object) =>
      t.run(
        (rec) => {
          const out = t.output([4, 48]);
          patchRows(rec, { image, sizes, channels: 3, patchSize: 4, out, rows: tokens, ...args }, "v");
        },
        { tokens: 4, outputs: 0 },
      );
    await run({});
    await expect(run({ patchSize: 0 })).rejects.toThrow(/v.*patchSize.*0/);
    await expect(run({ channels: 4 })).rejects.toThrow(/out.*\(4, 48\).*64/);
    await expect(run({ sizes: t.u32([2], [8, 8]) })).rejects.toThrow(/sizes.*\(2\).*\(4\)/);
    await expect(run({ out: t.output([3, 48]) })).rejects.toThrow(/\(3, 48\).*4 or more/);
  });
});
