/** Which frames are seen together and what stands for them, with an encoder that only notes what it is given. */

import { describe, expect, test } from "vitest";
import type { Tensor } from "../../gpu/tensor.ts";
import type {
  AudioEncoderModel,
  ImageEncoderModel,
  TimeAlignment,
  VideoModel,
  View,
} from "../../models/projector/types.ts";
import { MediaRows } from "../mediaRows.ts";
import type { AudioRunner } from "./audioRunner.ts";
import type { ImageRunner, Pixels } from "./imageRunner.ts";
import { MediaEncoder } from "./mediaEncoder.ts";

const table: Tensor = {
  ...{ buffer: {} as GPUBuffer, offsetBytes: 0, sizeBytes: 200 * 32, dtype: "f32", shape: [200, 8] },
};
const options = { room: 100, signal: new AbortController().signal };
const frame = (colour: number, seconds = 0) => ({
  ...{ width: 2, height: 1, words: Uint32Array.of(colour, colour), seconds },
});
const video = (count: number) => Array.from({ length: count }, (_, i) => frame(i + 1, i / 2));

/** Hears a fifth of a second at once, and has a row for 40 ms. */
const audioModel: AudioEncoderModel = {
  ...{ windowSamples: 3200, stepSamples: 3200, rows: 5, positions: 5, maxSteps: 20 },
  pieces: (steps) => ["(", ...Array.from({ length: steps }, (_, i) => i), ")"],
  record: () => ({}) as Tensor,
};

function encoderOf(videoModel: Partial<VideoModel>, alignment?: TimeAlignment) {
  const seen: number[][] = [];
  const view = (width: number): View => ({ resized: { width, height: 1 }, left: 0, top: 0 });
  const model: ImageEncoderModel = {
    ...{ viewSize: { width: 9, height: 4 }, rows: 3, patches: 3 },
    plan: () => ({ views: [view(9)], pieces: [0] }),
    video: { framesPerSecond: 2, mostFrames: 8, pieces: () => ["<", 0, ">"], ...videoModel },
    record: () => [],
  };
  const encode = (pictures: readonly Pixels[]) => void seen.push(pictures.map(({ words }) => words[0]!));
  const image = { model, open: async () => ({ model, encode }) as unknown as ImageRunner };
  const heard: number[] = [];
  const listen = (window: Float32Array) => void heard.push(window[0]!);
  const audio = {
    model: audioModel,
    open: async () => ({ model: audioModel, encode: listen }) as unknown as AudioRunner,
  };
  const rows = new MediaRows(table);
  const encoder = new MediaEncoder({ ...{ rows, image, audio, alignment }, settled: async () => {} });
  return { encoder, rows, seen, heard };
}

const pairs: Partial<VideoModel> = { framesPerStep: 2, pieces: (seconds) => [`${seconds} s`, 0] };
const texts = (pieces: readonly (string | readonly number[])[]) =>
  pieces.filter((piece) => typeof piece === "string");

describe("frames of videos", () => {
  test("one at a time, as small pictures", async () => {
    const { encoder, seen } = encoderOf({});
    const { pieces } = await encoder.video(video(3), undefined, options);
    expect(seen).toEqual([[1], [2], [3]]);
    expect(pieces.map((piece) => (typeof piece === "string" ? piece : piece.length))).toEqual([
      ...["<", 3, ">", "<", 3, ">", "<", 3, ">"],
    ]);
    expect(encoder.videoSampling).toEqual({ framesPerSecond: 2, mostFrames: 8, maxSide: 18 });
    const picture = await encoder.image(frame(2), "low", options);
    expect(picture.pieces[0]).toEqual(pieces[4]);
    await expect(encoder.video(video(34), undefined, options)).rejects.toThrow(
      /need 102 tokens.*room for 100/,
    );
  });

  test("by twos with their mean times; an odd last one alone", async () => {
    const { encoder, seen } = encoderOf({ ...pairs, maxSide: 5 });
    const { pieces } = await encoder.video(video(5), undefined, options);
    expect(seen).toEqual([[1, 2], [3, 4], [5]]);
    expect(texts(pieces)).toEqual(["0.25 s", "1.25 s", "2 s"]);
    expect(encoder.videoSampling.maxSide).toBe(5);
    // Which frame comes first counts, and a pair that was seen is known whenever it is.
    await encoder.video([frame(2), frame(1)], undefined, options);
    await encoder.video([frame(3, 7), frame(4, 8)], undefined, options);
    expect(seen.slice(3)).toEqual([[2, 1]]);
  });

  test("a single frame, or one that stands still, is a picture", async () => {
    const { encoder, seen } = encoderOf(pairs);
    const picture = await encoder.image(frame(7), "low", options);
    const single = await encoder.video([frame(7)], undefined, options);
    const still = await encoder.video([frame(7), frame(7, 0.5)], undefined, options);
    expect(single.pieces).toEqual(["0 s", picture.pieces[0]]);
    expect(still.pieces).toEqual(["0.25 s", picture.pieces[0]]);
    expect(seen).toEqual([[7]]);
  });

  test("sized by how many steps there are", async () => {
    const asked: [width: number, steps: number][] = [];
    const { encoder } = encoderOf({
      ...pairs,
      view: ({ width }, steps) => {
        asked.push([width, steps]);
        return { resized: { width, height: 1 }, left: 0, top: 0 };
      },
    });
    await encoder.video(video(3), undefined, options);
    expect(asked).toEqual([
      [2, 2],
      [2, 2],
    ]);
  });
});

describe("the sound of a video", () => {
  /** Each window of it is different. */
  const sound = (seconds: number) =>
    Float32Array.from({ length: seconds * 16_000 }, (_, i) => Math.floor(i / 3200) + 1);
  const lengths = (pieces: readonly (string | readonly number[])[]) =>
    pieces.map((piece) => (typeof piece === "string" ? piece : piece.length));

  test("stands behind its frames", async () => {
    const { encoder, heard } = encoderOf({});
    const { pieces } = await encoder.video(video(2), sound(0.5), options);
    expect(lengths(pieces)).toEqual(["<", 3, ">", "<", 3, ">", "(", 5, 5, 5, ")"]);
    expect(heard).toEqual([1, 2, 3]);
    const alone = await encoder.audio(sound(0.5), options);
    expect(alone.pieces).toEqual(pieces.slice(6));
    await expect(encoder.video(video(2), sound(0.5), { ...options, room: 20 })).rejects.toThrow(
      /need 21 tokens.*room for 20/,
    );
  });

  test("takes turns with them where both are aligned in time", async () => {
    const own = { width: 9, height: 1, patches: 3, grid: [1, 1, 3] } as const;
    const view = { resized: { width: 9, height: 1 }, left: 0, top: 0, own };
    const { encoder, rows, seen, heard } = encoderOf(
      { ...pairs, view: () => view },
      {
        ...{ secondsPerTick: 0.04, secondsPerTurn: 1 },
        around: (heard) => (heard ? ["<|v|><|a|>", "<|/a|><|/v|>"] : ["<|v|>", "<|/v|>"]),
      },
    );
    const { pieces } = await encoder.video(video(5), sound(1.3), options);
    const [before, tokens = [], behind] = pieces as [string, number[], string];
    expect([before, behind]).toEqual(["<|v|><|a|>", "<|/a|><|/v|>"]);
    const kindAndTick = (token: number) => {
      const { grid, ticks = [] } = rows.layoutOf(token)!;
      return grid ? `frame ${ticks[0]}` : `sound ${ticks[token % 2 ** 16]}`;
    };
    const step = (tick: number) => Array(3).fill(`frame ${tick}`);
    const sounds = (first: number, last: number) =>
      Array.from({ length: last - first + 1 }, (_, i) => `sound ${first + i}`);
    // Steps at 0, 1 and 2 seconds; the last window of sound is full to 1.4 seconds.
    expect(tokens.map(kindAndTick)).toEqual([
      ...[...step(0), ...sounds(0, 24), ...step(25), ...sounds(25, 34), ...step(50)],
    ]);
    expect(seen).toEqual([[1, 2], [3, 4], [5]]);
    expect(heard).toEqual([1, 2, 3, 4, 5, 6, 7]);

    // As far as both go it is the same, in the cache as well; at another time it is not.
    const shorter = await encoder.video(video(4), sound(1), options);
    expect(shorter.pieces[1]).toEqual(tokens.slice(0, 31));
    const silent = await encoder.video([frame(1, 1), frame(2, 1.5)], undefined, options);
    expect([silent.pieces[0], silent.pieces[2]]).toEqual(["<|v|>", "<|/v|>"]);
    expect((silent.pieces[1] as number[]).map(kindAndTick)).toEqual(step(25));
    expect(seen.slice(3)).toEqual([[1, 2]]);
    expect(heard).toHaveLength(7);
    // A picture and a sound of their own have no times.
    const picture = await encoder.image(frame(1), "low", options);
    expect(rows.layoutOf((picture.pieces[0] as number[])[0]!)?.ticks).toBeUndefined();
    const alone = await encoder.audio(sound(0.2), options);
    expect(rows.layoutOf((alone.pieces[1] as number[])[0]!)).toBeUndefined();
  });
});
