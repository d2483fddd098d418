import { describe, expect, it } from "vitest";
import { addMediaRef } from "./addMedia.ref.ts";
import { type AddMediaArgs, addMedia } from "./addMedia.ts";
import { mediaId, sampledId } from "./rowFetch.ts";
import { compare, tolerances } from "./testing/compare.ts";
import { openTestGpu } from "./testing/harness.ts";
import { randomValues } from "./testing/random.ts";

describe("addMedia", () => {
  it("adds rows of media at their places, and nothing to text", async () => {
    const t = await openTestGpu();
    const [M, D] = [5, 36];
    const rowOf = [undefined, 4, 0, undefined, undefined, 2, 2];
    // Text, a token that only the GPU knows, and a row beyond the last one, which is no media.
    const text = [7, ...[0, 0], sampledId + 3, mediaId + M];
    const ids = rowOf.map((row, i) => (row === undefined ? text[i]! : mediaId + row));
    const T = ids.length;
    const [values, media] = [randomValues(1, (T + 1) * D), randomValues(2, M * D)];
    const x = t.f32([T + 1, D], values);
    const args: AddMediaArgs = {
      x,
      ids: t.u32([T], ids),
      media: t.f32([M, D], media),
      rows: { of: "tokens" },
    };
    await t.run((rec) => addMedia(rec, args, "test"), { tokens: T, outputs: 0 });
    const expected = addMediaRef(values, [...rowOf, undefined], media, D);
    compare(await t.read(x), expected, tolerances.copy, "sums");
  });

  it("refuses shapes that do not fit, naming them", async () => {
    const t = await openTestGpu();
    const zeros = (rows: number, columns: number) => t.f32([rows, columns], new Float32Array(rows * columns));
    const run = (args: Partial<AddMediaArgs>) => {
      const fitting = { x: zeros(2, 8), ids: t.u32([2], [0, 0]), media: zeros(3, 8) };
      const rows = { of: "tokens" } as const;
      return t.run((rec) => addMedia(rec, { ...fitting, rows, ...args }, "sum"), { tokens: 2, outputs: 0 });
    };
    await expect(run({ x: zeros(1, 8) })).rejects.toThrow(/sum.*x.*\(1, 8\)/);
    await expect(run({ media: zeros(3, 6) })).rejects.toThrow(/media.*\(3, 6\)/);
    await expect(run({ ids: t.u32([1], [0]) })).rejects.toThrow(/ids.*\(1\)/);
  });
});
