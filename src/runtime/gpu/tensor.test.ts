import { describe, expect, it } from "vitest";
import { type PlaneFormat, roundUp, type WeightType, weightFormats, weightLayout } from "./tensor.ts";

const mib = 2 ** 20;

it("formats: fields fill their block without overlap", () => {
  for (const { type, planes, blockBytes, repack } of Object.values(weightFormats)) {
    const bytes = planes.flatMap(({ offsetBytes, sizeBytes }) =>
      offsetBytes === undefined ? [] : Array.from({ length: sizeBytes }, (_, i) => offsetBytes + i),
    );
    expect(new Set(bytes).size, type).toBe(bytes.length);
    expect(Math.max(...bytes), type).toBeLessThan(blockBytes);
    expect(bytes.length < blockBytes, type).toBe(repack !== undefined);
    // Four storage buffers of a matmul are its activations.
    expect(planes.length, type).toBeLessThanOrEqual(4);
  }
});

it("repacking keeps every bit of a block apart, and whole planes are written", () => {
  for (const { type, planes, blockBytes, repack } of Object.values(weightFormats)) {
    if (!repack) continue;
    const run = (block: Uint8Array) => {
      const out = planes.map(({ sizeBytes }) => new Uint8Array(2 * sizeBytes));
      const views = out.map(({ buffer }) => new DataView(buffer));
      repack(new DataView(block.buffer, block.byteOffset), 0, views, 1);
      expect(out.every((plane) => plane.subarray(0, plane.length / 2).every((byte) => byte === 0))).toBe(
        true,
      );
      return out.map((plane) => plane.join()).join("; ");
    };
    const results = new Set<string>([run(new Uint8Array(blockBytes))]);
    let repackedBits = 0;
    for (let bit = 0; bit < blockBytes * 8; bit++) {
      const at = bit >> 3;
      const inPlane = ({ offsetBytes, sizeBytes }: PlaneFormat) =>
        offsetBytes !== undefined && at >= offsetBytes && at < offsetBytes + sizeBytes;
      if (planes.some(inPlane)) continue;
      const block = new Uint8Array(blockBytes);
      block[at] = 1 << (bit % 8);
      results.add(run(block));
      repackedBits++;
    }
    // Of MXFP4, minus zero becomes zero.
    const lost = type === "mxfp4" ? 32 : 0;
    expect(results.size, type).toBe(1 + repackedBits - lost);
  }
});

describe("weightLayout", () => {
  it("puts the planes of a small matrix into one slice", () => {
    expect(weightLayout("w", "q8_0", 3, 64, 128 * mib, 256 * mib)).toEqual({
      sliceRows: 3,
      slices: [
        {
          rowStart: 0,
          rowCount: 3,
          sizeBytes: 512,
          planes: [
            { offsetBytes: 0, sizeBytes: 192 },
            { offsetBytes: 256, sizeBytes: 16 }, // 12 bytes of scales, in whole 16-byte words
          ],
        },
      ],
    });
    expect(weightLayout("w", "f16", 1, 8, 128 * mib, 256 * mib).slices[0]!.planes).toEqual([
      { offsetBytes: 0, sizeBytes: 16 },
    ]);
  });

  const shapes: [WeightType, number, number, number, number][] = [
    ["f32", 1000, 24, 16_384, mib],
    ["f16", 4099, 96, 65_536, mib],
    ["q8_0", 49_152, 576, 4 * mib, 8 * mib],
    ["q8_0", 333, 32, 2063, mib],
    ["q4_0", 151_936, 1024, 16 * mib, 1024 * mib],
    ["q4_0", 130, 4096, 128 * mib, 300_000],
    ["q4_0", 66, 32, 1055, 65_536],
  ];

  it.each(shapes)(
    "%s (%i, %i) with bindings of %i and buffers of %i bytes",
    (type, rows, columns, binding, buffer) => {
      const { planes, blockWeights } = weightFormats[type];
      const { sliceRows, slices } = weightLayout("w", type, rows, columns, binding, buffer);
      expect(slices.length).toBeGreaterThan(1);
      expect(sliceRows % 64).toBe(0);
      let row = 0;
      for (const [i, slice] of slices.entries()) {
        expect(slice.rowStart).toBe(row);
        expect(slice.rowCount).toBe(i < slices.length - 1 ? sliceRows : rows - row);
        row += slice.rowCount;
        let end = 0;
        slice.planes.forEach((plane, p) => {
          expect(plane.offsetBytes % 256).toBe(0);
          expect(plane.offsetBytes).toBeGreaterThanOrEqual(end);
          expect(plane.sizeBytes).toBe(
            roundUp((slice.rowCount * columns * planes[p]!.sizeBytes) / blockWeights, 16),
          );
          expect(plane.sizeBytes).toBeLessThanOrEqual(binding);
          end = plane.offsetBytes + plane.sizeBytes;
        });
        expect(slice.planes.length).toBe(planes.length);
        expect(slice.sizeBytes).toBeGreaterThanOrEqual(end);
        expect(slice.sizeBytes).toBeLessThanOrEqual(buffer);
        expect(slice.sizeBytes % 4).toBe(0);
      }
      expect(row).toBe(rows);
      // No more slices than 64-row steps require: one step more would not fit.
      const next = weightLayout("w", type, sliceRows + 64, columns, binding, buffer);
      expect(next.slices.length).toBeGreaterThan(1);
    },
  );

  it.each<[WeightType, number, number]>([
    ["q8_0", 4, 48],
    ["q4_0", 4, 8],
    ["f16", 4, 12],
    ["f32", 4, 7],
    ["f32", 0, 8],
    ["f32", 4, 0],
  ])("refuses %s of (%i, %i)", (type, rows, columns) => {
    expect(() => weightLayout("odd.weight", type, rows, columns, mib, mib)).toThrow(
      expect.objectContaining({ code: "bad_model_file", param: "odd.weight" }),
    );
  });

  it("refuses rows that are too long to split", () => {
    expect(() => weightLayout("wide", "f32", 100, 4096, mib - 16, 2 * mib)).toThrow(/64 rows of 4096/);
    expect(weightLayout("fits", "f32", 100, 4096, mib, 2 * mib).sliceRows).toBe(64);
  });
});
