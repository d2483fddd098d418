import { describe, expect, it } from "vitest";
import type { ResizeFilter } from "../../../kernels/encoder/imageResize.ts";
import { compare, tolerances } from "../../../kernels/testing/compare.ts";
import { openTestGpu, type TestGpu } from "../../../kernels/testing/harness.ts";
import { randomValues, seededRandom } from "../../../kernels/testing/random.ts";
import { ProjectorRef, type RefSizes } from "../../models/projector/testing/projector.ref.ts";
import {
  gemma3Metadata,
  idefics3Metadata,
  omnitabMetadata,
  type ProjectorMetadata,
  projectorFile,
  qwen3vlMetadata,
  ultravoxMetadata,
  ultravoxSizes,
} from "../../models/projector/testing/projectorFile.ts";
import { Qwen3vlRef } from "../../models/projector/testing/qwen3vl.ref.ts";
import type { Size } from "../../models/projector/types.ts";
import { MediaRows } from "../mediaRows.ts";
import { audioWindows } from "./audioRunner.ts";
import { openProjector } from "./loadProjector.ts";
import type { OpenedMedia } from "./mediaEncoder.ts";

const D = 64;
const options = { room: 400, signal: new AbortController().signal };

async function load(
  t: TestGpu,
  metadata: ProjectorMetadata,
  type: "f32" | "f16" | "q8_0",
  deepstackLayers = 0,
) {
  const { file, weights } = projectorFile(metadata, type);
  const zeros = () => t.f32([400, D], new Float32Array(400 * D));
  const table = zeros();
  const deep = Array.from({ length: deepstackLayers }, zeros);
  const rows = new MediaRows(table, deep);
  const projector = await openProjector(file, D, undefined, deepstackLayers);
  const { encoder, weights: loaded } = await projector.load({
    ...{ gpu: t.gpu, rows, signal: undefined, onProgress: () => {} },
  });
  await projector.close();
  const number = (key: string) => Number(projector.header.metadata.get(key));
  const list = (key: string) => projector.header.metadata.get(key) as number[];
  const whisper = projector.spec.type === "ultravox";
  const side = whisper ? "clip.audio" : "clip.vision";
  const sizes: RefSizes = {
    imageSize: number("clip.vision.image_size"),
    patchSize: number("clip.vision.patch_size"),
    heads: number(`${side}.attention.head_count`),
    epsilon: number(`${side}.attention.layer_norm_epsilon`),
    mean: list("clip.vision.image_mean"),
    std: list("clip.vision.image_std"),
    filter: filters[projector.spec.type]!,
    whisper,
  };
  const reference = new ProjectorRef(weights, sizes);
  const qwen = new Qwen3vlRef(weights, sizes);
  /** The rows of each span of tokens among the pieces. */
  const read = async ({ pieces }: OpenedMedia, from = table) => {
    const all = await t.read(from);
    return pieces.flatMap((piece) =>
      typeof piece === "string"
        ? []
        : [piece.flatMap((token) => [...all.subarray(rows.rowOf(token) * D, (rows.rowOf(token) + 1) * D)])],
    );
  };
  const destroy = () => {
    encoder.destroy();
    loaded.destroy();
  };
  return { encoder, reference, qwen, read, rows, deep, destroy };
}

const filters: Record<string, ResizeFilter> = {
  gemma3: "bilinear",
  idefics3: "lanczos",
  omnitab: "bilinear",
  qwen3vl_merger: "bicubic",
};

/** A smooth picture with noise: pixels near a half round to either side, so that few do. */
function picture(width: number, height: number, seed = 1) {
  const random = seededRandom(seed);
  const words = Uint32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const channel = (c: number) =>
      Math.round(127 + 100 * Math.sin(x / (3 + c) + y / (9 - 2 * c)) + random.integer(20));
    return (channel(0) | (channel(1) << 8) | (channel(2) << 16) | (255 << 24)) >>> 0;
  });
  return { width, height, words };
}

/** Resizing rounds bytes, which may fall to either side. */
const seen = { max: 0.02, nmse: 1e-5 };

describe("idefics3", () => {
  it("views of a picture, as the reference sees them", async () => {
    const t = await openTestGpu();
    const { encoder, reference, read, destroy } = await load(t, idefics3Metadata(), "q8_0");
    const image = picture(100, 50);
    const opened = await encoder.image(image, "auto", options);
    expect(opened.pieces.filter((piece) => typeof piece === "string")).toEqual([
      "<fake_token_around_image><row_1_col_1>",
      "<fake_token_around_image><row_1_col_2>",
      "\n\n<fake_token_around_image><global-img>",
      "<fake_token_around_image>",
    ]);
    const views = await read(opened);
    const resized = { width: 128, height: 64 };
    const expected = [
      { resized, left: 0, top: 0 },
      { resized, left: 64, top: 0 },
      { resized: { width: 64, height: 64 }, left: 0, top: 0 },
    ].map((view) => reference.shuffled(reference.vision(image.words, 100, 50, view), 4));
    for (const [i, view] of views.entries())
      compare(
        view,
        expected[i]!.flatMap((row) => [...row]),
        seen,
        `view ${i}`,
      );
    expect(views).toHaveLength(3);

    // A view that is the picture itself is not rounded.
    const small = picture(64, 64, 2);
    const whole = await encoder.image(small, "low", options);
    const only = { resized: { width: 64, height: 64 }, left: 0, top: 0 };
    const exact = reference.shuffled(reference.vision(small.words, 64, 64, only), 4);
    compare(
      (await read(whole))[0]!,
      exact.flatMap((row) => [...row]),
      tolerances.attention.f32,
      "as it is",
    );
    destroy();
  });
});

describe("gemma3", () => {
  it("one view of a picture, whose tokens see each other, as the reference sees it", async () => {
    const t = await openTestGpu();
    const { encoder, reference, read, rows, destroy } = await load(t, gemma3Metadata(), "f16");
    const view = { resized: { width: 56, height: 56 }, left: 0, top: 0 };
    for (const [image, limits] of [
      [picture(56, 56), tolerances.attention.f32],
      [picture(70, 50, 3), seen],
    ] as const) {
      const opened = await encoder.image(image, "auto", options);
      const [before, tokens, behind] = opened.pieces;
      expect([before, behind]).toEqual(["\n\n<start_of_image>", "<end_of_image>\n\n"]);
      expect((tokens as number[]).map((token) => rows.seenBy(token).behind)).toEqual([3, 2, 1, 0]);
      const features = reference.vision(image.words, image.width, image.height, view);
      compare(
        (await read(opened))[0]!,
        reference.pooled(features, 2).flatMap((row) => [...row]),
        limits,
        `${image.width} x ${image.height}`,
      );
    }
    destroy();
  });
});

describe("qwen3vl_merger", () => {
  it("pictures of any shape, with what the first layers add, as the reference sees them", async () => {
    const t = await openTestGpu();
    const { encoder, qwen, read, rows, deep, destroy } = await load(t, qwen3vlMetadata(), "q8_0", 2);
    const see = async (image: ReturnType<typeof picture>, resized: Size, limits: typeof seen) => {
      const opened = await encoder.image(image, "auto", options);
      expect(opened).toMatchObject({
        placeholder: "<|image_pad|>",
        around: ["<|vision_start|>", "<|vision_end|>"],
      });
      const expected = qwen.picture(image, resized);
      expect(expected).toHaveLength(3);
      for (const [i, table] of [undefined, ...deep].entries())
        compare(
          (await read(opened, table))[0]!,
          expected[i]!.flatMap((row) => [...row]),
          limits,
          `${resized.width} x ${resized.height}, ${i}`,
        );
      return opened;
    };
    // As they are, wide and tall: nothing is rounded.
    const wide = await see(picture(48, 32), { width: 48, height: 32 }, tolerances.attention.f32);
    await see(picture(32, 64, 2), { width: 32, height: 64 }, tolerances.attention.f32);
    await see(picture(70, 50, 3), { width: 64, height: 48 }, seen);
    const [tokens] = wide.pieces as number[][];
    expect(tokens).toHaveLength(6);
    expect(rows.layoutOf(tokens![0]!)!.grid).toEqual([1, 2, 3]);

    // Two frames become one picture; a third is its own second one, as a still picture is.
    const resized = { width: 64, height: 48 };
    const frames = [4, 5, 6].map((seed) => picture(64, 48, seed));
    const still = await see(frames[2]!, resized, tolerances.attention.f32);
    const timed = frames.map((frame, i) => ({ ...frame, seconds: i / 2 }));
    const video = await encoder.video(timed, undefined, options);
    expect(video.pieces.map((piece) => (typeof piece === "string" ? piece : piece.length))).toEqual([
      ...["<0.2 seconds><|vision_start|>", 12, "<|vision_end|>"],
      ...["<1.0 seconds><|vision_start|>", 12, "<|vision_end|>"],
    ]);
    expect(video.pieces[4]).toEqual(still.pieces[0]);
    expect(rows.layoutOf((video.pieces[1] as number[])[0]!)!.grid).toEqual([1, 3, 4]);
    const other = { ...picture(70, 50, 7), seconds: 1 };
    const turned = await encoder.video([timed[1]!, other], undefined, options);
    for (const [opened, pair, limits] of [
      [video, frames.slice(0, 2), tolerances.attention.f32],
      [turned, [frames[1]!, other], seen],
    ] as const) {
      const expected = qwen.picture(pair[0]!, resized, pair[1]);
      for (const [i, table] of [undefined, ...deep].entries())
        compare(
          (await read(opened, table))[0]!,
          expected[i]!.flatMap((row) => [...row]),
          limits,
          `frames, ${i}`,
        );
    }
    destroy();
  });
});

describe("omnitab", () => {
  it("pictures, frames and sounds, as the reference has them", async () => {
    const t = await openTestGpu();
    const { encoder, reference, read, destroy } = await load(t, omnitabMetadata(), "f16");
    expect(encoder.kinds).toEqual(["image", "audio", "video"]);
    const image = picture(32, 32);
    const view = { resized: { width: 32, height: 32 }, left: 0, top: 0 };
    const expected = reference.fused(reference.vision(image.words, 32, 32, view), "image", 2);
    const opened = await encoder.image(image, "auto", options);
    expect(opened.pieces.map((piece) => (typeof piece === "string" ? piece : piece.length))).toEqual([
      "<|image|>",
      5,
      "<|/image|>",
    ]);
    compare(
      (await read(opened))[0]!,
      expected.flatMap((row) => [...row]),
      tolerances.attention.f32,
      "picture",
    );

    const frames = [picture(32, 32, 3), image].map((frame, i) => ({ ...frame, seconds: i / 2 }));
    const video = await encoder.video(frames, undefined, options);
    expect(video.pieces.filter((piece) => typeof piece === "string")).toEqual([
      ...["<|video|>", "<|/video|>", "<|video|>", "<|/video|>"],
    ]);
    // A frame that is a picture that was seen has its rows.
    expect(video.pieces[4]).toEqual(opened.pieces[1]);

    const samples = randomValues(5, 16 * 160 * 2 + 100).map((value) => 0.1 * value);
    const heard = await encoder.audio(samples, options);
    const windows = audioWindows(samples, { windowSamples: 48 * 160, stepSamples: 16 * 160 });
    expect(windows).toHaveLength(3);
    const steps = await read(heard);
    for (const [i, window] of windows.entries()) {
      const features = reference.audio(window, 80);
      const rows = reference.fused(features, "audio", 2);
      compare(
        steps[i]!,
        rows.flatMap((row) => [...row]),
        tolerances.attention.f32,
        `window ${i}`,
      );
    }
    destroy();
  });

  it("what was heard before is not heard again, and rows are given up when nobody holds them", async () => {
    const t = await openTestGpu();
    const { encoder, rows, destroy } = await load(t, omnitabMetadata(), "f16");
    const samples = randomValues(5, 16 * 160 * 4).map((value) => 0.1 * value);
    const first = await encoder.audio(samples.subarray(0, 16 * 160 * 3), options);
    const whole = await encoder.audio(samples, options);
    // The steps that both have are the same tokens; the fourth is new.
    expect(whole.pieces.slice(0, 4)).toEqual(first.pieces.slice(0, 4));
    const token = (whole.pieces[4] as number[])[0]!;
    expect(rows.has(token)).toBe(true);
    whole.release();
    expect(rows.has(token)).toBe(false);
    expect(rows.has((first.pieces[1] as number[])[0]!)).toBe(true);
    first.release();
    await expect(encoder.audio(new Float32Array(16 * 160 * 49), options)).rejects.toThrow(/hears at most/);
    await expect(encoder.audio(samples, { ...options, room: 11 })).rejects.toThrow(
      /need 12 tokens.*room for 11/,
    );
    destroy();
  });
});

describe("ultravox", () => {
  it("windows of a sound, as the reference has them", async () => {
    const t = await openTestGpu();
    const { encoder, reference, read, destroy } = await load(t, ultravoxMetadata(), "f16");
    expect(encoder.kinds).toEqual(["audio"]);
    const { positions, stack } = ultravoxSizes;
    const windowSamples = 2 * positions * 160;
    const samples = randomValues(7, windowSamples + 2000).map((value) => 0.1 * value);
    const heard = await encoder.audio(samples, options);
    const windows = await read(heard);
    // Nothing stands around them; the last, in part silence, is as long as any.
    expect(heard.pieces.map((piece) => piece.length)).toEqual([3, 3]);
    for (const [i, rows] of windows.entries()) {
      const window = new Float32Array(windowSamples);
      window.set(samples.subarray(i * windowSamples, (i + 1) * windowSamples));
      const expected = reference.gatedRows(reference.audio(window, 80), stack);
      compare(
        rows,
        expected.flatMap((row) => [...row]),
        tolerances.attention.f32,
        `window ${i}`,
      );
    }
    destroy();
  });
});

describe("files that are refused", () => {
  const changed = (key: string, value: string | number, type: "string" | "u32" = "u32"): ProjectorMetadata =>
    idefics3Metadata().map((entry) => (entry[0] === key ? [key, type, value] : entry));
  const open = async (metadata: ProjectorMetadata, width = D) => {
    const { file } = projectorFile(idefics3Metadata(), "f16");
    const { writeGguf } = await import("../../weights/testing/ggufWriter.ts");
    const blob = metadata.length > 0 ? new Blob([writeGguf({ metadata, tensors: [] })]) : file;
    await (await openProjector(blob, width, undefined)).close();
  };

  it("names what is wrong", async () => {
    await open([]);
    await expect(open([], 65)).rejects.toThrow(/rows of 64 numbers and the language model reads 65/);
    await expect(open(changed("general.architecture", "llama", "string"))).rejects.toThrow(
      /no projector.*"llama"/,
    );
    await expect(open(changed("clip.projector_type", "ldp", "string"))).rejects.toThrow(
      /"ldp".*gemma3, idefics3, omnitab, qwen3vl_merger, ultravox/,
    );
    await expect(open(changed("clip.vision.patch_size", 7))).rejects.toThrow(/64 pixels in patches of 7/);
    await expect(open(changed("clip.vision.attention.head_count", 3))).rejects.toThrow(/Heads of 42\.6/);
    await expect(open(changed("clip.vision.block_count", 4e9))).rejects.toThrow(/block_count is 4000000000/);
    await expect(
      open(idefics3Metadata().filter(([key]) => key !== "clip.vision.image_mean")),
    ).rejects.toThrow(/no clip\.vision\.image_mean/);
  });

  it("an ultravox file whose tensors do not say how long its windows are", async () => {
    await expect(open(ultravoxMetadata())).rejects.toThrow(/lacks the tensor a\.position_embd\.weight/);
  });

  it("a tensor that is missing or cut short", async () => {
    const t = await openTestGpu();
    const rows = new MediaRows(t.f32([100, D], new Float32Array(100 * D)));
    const options = { gpu: t.gpu, rows, signal: undefined, onProgress: () => {} };
    const { file } = projectorFile(idefics3Metadata(), "f16");
    await expect(openProjector(file.slice(0, file.size - 4000), D, undefined)).rejects.toThrow(
      /mm\.model\.fc\.weight.*cut short/,
    );
    const { writeGguf } = await import("../../weights/testing/ggufWriter.ts");
    const empty = new Blob([writeGguf({ metadata: idefics3Metadata(), tensors: [] })]);
    const none = await openProjector(empty, D, undefined);
    await expect(none.load(options)).rejects.toThrow(/lacks tensors.*v\.patch_embd/);
    await none.close();
  });
});
