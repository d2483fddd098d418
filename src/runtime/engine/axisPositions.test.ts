import { expect, test } from "vitest";
import type { Tensor } from "../gpu/tensor.ts";
import type { MediaGrid } from "../models/projector/types.ts";
import { AxisPositions, axisCount } from "./axisPositions.ts";
import { inTurns } from "./media/timeAlignment.ts";
import { MediaRows } from "./mediaRows.ts";
import { Sequence } from "./sequence.ts";

const table: Tensor = {
  ...{ buffer: {} as GPUBuffer, offsetBytes: 0, sizeBytes: 400 * 32, dtype: "f32", shape: [400, 8] },
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
  const open = (key: string, count: number, grid?: MediaGrid) =>
    media.open(key, count, () => {}, grid && { grid });
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

/** Frames of one size, half a second apart, and a sound with a row for 40 ms. */
interface Film {
  frames: number;
  rows: number;
  columns: number;
  sounds: number;
}

const alignment = { secondsPerTick: 0.04, secondsPerTurn: 2, around: () => ["", ""] as const };
/** Rows of a window of sound: such that windows end within a turn. */
const windowRows = 24;

/** What stands in the prompt for it. */
async function tokensOf(media: MediaRows, { frames, rows, columns, sounds }: Film): Promise<number[]> {
  const seen = [];
  for (let i = 0; i < frames; i++) {
    const tick = Math.floor(12.5 * i);
    const layout = { grid: [1, rows, columns], ticks: [tick] } as const;
    const { tokens } = await media.open(`${rows} x ${columns}, frame ${i}`, rows * columns, () => {}, layout);
    seen.push({ tick, tokens });
  }
  const heard = [];
  for (let first = 0; first < sounds; first += windowRows) {
    const ticks = Array.from({ length: Math.min(windowRows, sounds - first) }, (_, i) => first + i);
    const window = await media.open(`${rows} x ${columns}, sound ${first}`, ticks.length, () => {}, {
      ticks,
    });
    heard.push(...ticks.map((tick, i) => ({ tick, tokens: [window.tokens[i]!] })));
  }
  return inTurns(seen, heard, alignment);
}

/**
 * Positions by the paper, from the first one that is free: every two seconds, first the frames of these and then the sound.
 * A frame's time is a step for 40 ms, and its rows and columns count from the beginning; a sound's coordinates are alike.
 */
function tmRope({ frames, rows, columns, sounds }: Film, free: number) {
  const positions: [time: number, row: number, column: number][] = [];
  for (let second = 0; second < Math.max(frames / 2, sounds / 25); second += 2) {
    for (let i = 2 * second; i < Math.min(frames, 2 * second + 4); i++)
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++)
          positions.push([free + Math.floor((0.5 * i) / 0.04 + 1e-9), free + row, free + column]);
    for (let i = 25 * second; i < Math.min(sounds, 25 * second + 50); i++)
      positions.push([free + i, free + i, free + i]);
  }
  return { positions: positions.map((axes) => axes.join()), free: Math.max(free, ...positions.flat()) + 1 };
}

test.each<[string, Film]>([
  ["both end together", { frames: 10, rows: 2, columns: 3, sounds: 125 }],
  ["the sound is longer", { frames: 3, rows: 3, columns: 2, sounds: 130 }],
  ["the frames are longer", { frames: 9, rows: 2, columns: 2, sounds: 30 }],
  ["a grid is longer than the time", { frames: 2, rows: 2, columns: 31, sounds: 20 }],
  ["there is no sound", { frames: 5, rows: 1, columns: 2, sounds: 0 }],
])("frames and sound of a video are aligned in time: %s", async (_, film) => {
  const media = new MediaRows(table);
  const picture = await media.open("picture", 6, () => {}, { grid: [1, 2, 3] });
  const tokens = await tokensOf(media, film);
  // Behind a picture without anything in between, and a second time behind a mark.
  const prompt = [7, 8, ...picture.tokens, ...tokens, 9, ...tokens, 5, 6];
  const first = tmRope(film, 5);
  const second = tmRope(film, first.free + 1);
  const text = (position: number) => [position, position, position].join();
  const expected = [
    ...[text(0), text(1), "2,2,2", "2,2,3", "2,2,4", "2,3,2", "2,3,3", "2,3,4"],
    ...[...first.positions, text(first.free), ...second.positions],
    ...[text(second.free), text(second.free + 1)],
  ];
  const sequence = sequenceOf(prompt);
  for (const step of [1, 7, 1000]) expect(positionsOf(sequence, media, step)).toEqual(expected);
  const out = new Uint32Array(axisCount);
  new AxisPositions().write(sequence, prompt.length + 2, 1, out, 0, media);
  expect([...out].join()).toBe(text(second.free + 4));
});
