/** Which frames are seen together and what stands for them, with an encoder that only notes what it is given. */

import { describe, expect, test } from "vitest";
import type { Tensor } from "../../gpu/tensor.ts";
import type { ImageEncoderModel, VideoModel, View } from "../../models/projector/types.ts";
import { MediaRows } from "../mediaRows.ts";
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

function encoderOf(videoModel: Partial<VideoModel>) {
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
  const rows = new MediaRows(table);
  return { encoder: new MediaEncoder({ rows, image, audio: undefined, settled: async () => {} }), seen };
}

const pairs: Partial<VideoModel> = { framesPerStep: 2, pieces: (seconds) => [`${seconds} s`, 0] };
const texts = (pieces: readonly (string | readonly number[])[]) =>
  pieces.filter((piece) => typeof piece === "string");

describe("frames of videos", () => {
  test("one at a time, as small pictures", async () => {
    const { encoder, seen } = encoderOf({});
    const { pieces } = await encoder.video(video(3), options);
    expect(seen).toEqual([[1], [2], [3]]);
    expect(pieces.map((piece) => (typeof piece === "string" ? piece : piece.length))).toEqual([
      ...["<", 3, ">", "<", 3, ">", "<", 3, ">"],
    ]);
    expect(encoder.videoSampling).toEqual({ framesPerSecond: 2, mostFrames: 8, maxSide: 18 });
    const picture = await encoder.image(frame(2), "low", options);
    expect(picture.pieces[0]).toEqual(pieces[4]);
    await expect(encoder.video(video(34), options)).rejects.toThrow(/need 102 tokens.*room for 100/);
  });

  test("by twos with their mean times; an odd last one alone", async () => {
    const { encoder, seen } = encoderOf({ ...pairs, maxSide: 5 });
    const { pieces } = await encoder.video(video(5), options);
    expect(seen).toEqual([[1, 2], [3, 4], [5]]);
    expect(texts(pieces)).toEqual(["0.25 s", "1.25 s", "2 s"]);
    expect(encoder.videoSampling.maxSide).toBe(5);
    // Which frame comes first counts, and a pair that was seen is known whenever it is.
    await encoder.video([frame(2), frame(1)], options);
    await encoder.video([frame(3, 7), frame(4, 8)], options);
    expect(seen.slice(3)).toEqual([[2, 1]]);
  });

  test("a single frame, or one that stands still, is a picture", async () => {
    const { encoder, seen } = encoderOf(pairs);
    const picture = await encoder.image(frame(7), "low", options);
    const single = await encoder.video([frame(7)], options);
    const still = await encoder.video([frame(7), frame(7, 0.5)], options);
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
    await encoder.video(video(3), options);
    expect(asked).toEqual([
      [2, 2],
      [2, 2],
    ]);
  });
});
