import { expect, test } from "vitest";
import type { Tensor } from "../gpu/tensor.ts";
import type { MediaGrid } from "../models/projector/types.ts";
import { AxisPositions, axisCount } from "./axisPositions.ts";
import { MediaRows } from "./mediaRows.ts";
import { Sequence } from "./sequence.ts";

const table: Tensor = {
  ...{ buffer: {} as GPUBuffer, offsetBytes: 0, sizeBytes: 100 * 32, dtype: "f32", shape: [100, 8] },
};
const sequenceOf = (prompt: readonly number[]) =>
  new Sequence(0, { prompt, maxTokens: 9, endTokens: new Set() });

/** Coordinates of each token, read in pieces of `step`. */
function positionsOf(sequence: Sequence, media: MediaRows, step: number, positions = new AxisPositions()) {
  const { length } = sequence.tokens;
  const out = new Uint32Array(axisCount * (length + step));
  for (let start = 0; start < length; start += step)
    positions.write(sequence, start, step, out, axisCount * start, media);
  return Array.from({ length }, (_, i) => [...out.subarray(axisCount * i, axisCount * (i + 1))].join());
}

test("a picture lies on its grid, and text goes on behind its longest side", async () => {
  const media = new MediaRows(table);
  const open = (key: string, count: number, grid?: MediaGrid) => media.open(key, count, () => {}, grid);
  const wide = await open("wide", 6, [1, 2, 3]);
  const video = await open("video", 4, [2, 2, 1]);
  const sound = await open("sound", 2);
  // The same picture twice without anything in between: each has its own place.
  const prompt = [7, 8, ...wide.tokens, ...wide.tokens, 9, ...video.tokens, 5, ...sound.tokens, 6];
  const expected = [
    ...["0,0,0", "1,1,1"],
    ...["2,2,2", "2,2,3", "2,2,4", "2,3,2", "2,3,3", "2,3,4"],
    ...["5,5,5", "5,5,6", "5,5,7", "5,6,5", "5,6,6", "5,6,7"],
    ...["8,8,8", "9,9,9", "9,10,9", "10,9,9", "10,10,9"],
    ...["11,11,11", "12,12,12", "13,13,13", "14,14,14"],
  ];
  const sequence = sequenceOf(prompt);
  for (const step of [1, 3, 100]) expect(positionsOf(sequence, media, step)).toEqual(expected);

  // What is drawn goes on from there, also where only the GPU knows it.
  const positions = new AxisPositions();
  positionsOf(sequence, media, 100, positions);
  const out = new Uint32Array(axisCount);
  positions.write(sequence, prompt.length + 3, 1, out, 0, media);
  expect([...out]).toEqual([18, 18, 18]);

  // What was dropped has no place any more.
  sequence.dropTokens(1, 7);
  expect(positionsOf(sequence, media, 100, positions).slice(0, 8)).toEqual([
    ...["0,0,0", "1,1,1", "1,1,2", "1,1,3", "1,2,1", "1,2,2", "1,2,3", "4,4,4"],
  ]);
  await expect(open("bad", 5, [1, 2, 3])).rejects.toThrow("1 x 2 x 3");
});
