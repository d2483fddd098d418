/** Encodes pictures, and steps of videos, on the GPU, a view at a time. */

import type { Gpu } from "../../gpu/device.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { FrameInputs, ImageEncoderModel, View } from "../../models/projector/types.ts";
import { EncoderRun } from "./encoderRun.ts";

/** A picture's pixels as they go to the GPU. */
export interface Pixels {
  width: number;
  height: number;
  /** RGBA, a u32 each. */
  words: Uint32Array<ArrayBuffer>;
}

/** What larger pictures are made smaller to, before they go to the GPU: 16 MiB. */
export const pixelLimits = { maxPixels: 4 * 2 ** 20, maxSide: 4096 } as const;

export class ImageRunner {
  private readonly run: EncoderRun;
  private frames!: readonly FrameInputs[];
  private window!: Tensor;
  private places: Tensor | undefined;
  /** The pictures in `frames`. */
  private readonly loaded: Pixels[] = [];

  constructor(
    gpu: Gpu,
    readonly model: ImageEncoderModel,
  ) {
    const { rows, patches, viewSize } = model;
    this.run = new EncoderRun(gpu, "pictures", { tokens: patches, outputs: rows }, (rec, arena) => {
      this.frames = Array.from({ length: model.video.framesPerStep ?? 1 }, () => ({
        pixels: arena.tensor("pixels", "u32", [pixelLimits.maxPixels]),
        sizes: arena.tensor("sizes", "u32", [4]),
      }));
      this.window = arena.tensor("window", "u32", [4]);
      const mostHeight = pixelLimits.maxSide;
      const scratch = arena.tensor("scratch", "u32", [mostHeight, viewSize.width]);
      if (model.patchPlaces) this.places = arena.tensor("places", "u32", [patches, 2]);
      const { frames, window, places } = this;
      return model.record(rec, { arena, frames, window, places, scratch, mostHeight });
    });
  }

  get sizeBytes(): number {
    return this.run.arena.sizeBytes;
  }

  compile(): Promise<void> {
    return this.run.compile();
  }

  /**
   * Submits the encoding of a view.
   * @param pictures the frames that it shows, the last of which stands for those that are missing
   * @param targets its rows, and those of the first layers, become the `index`-th of these
   */
  encode(pictures: readonly Pixels[], view: View, targets: readonly Tensor[], index: number): void {
    const { run, model } = this;
    const { resized, left, top, own } = view;
    this.frames.forEach(({ pixels, sizes }, i) => {
      const picture = pictures[Math.min(i, pictures.length - 1)]!;
      if (this.loaded[i] !== picture) run.write(pixels, picture.words);
      this.loaded[i] = picture;
      run.write(sizes, Uint32Array.of(picture.height, picture.width, resized.height, resized.width));
    });
    const { width, height } = own ?? model.viewSize;
    run.write(this.window, Uint32Array.of(top, left, height, width));
    if (this.places) run.write(this.places, model.patchPlaces!(view));
    run.submit(targets, index, own && { tokens: own.patches, outputs: rowsOf(view, model) });
  }

  destroy(): void {
    this.run.destroy();
  }
}

/** Rows that stand in the prompt for a view. */
export function rowsOf({ own }: View, { rows }: Pick<ImageEncoderModel, "rows">): number {
  return own ? own.grid.reduce((product, side) => product * side, 1) : rows;
}
