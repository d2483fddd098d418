/** Frames as pictures of a bounded size. */

/** Sizes of the same proportions whose longer side is at most `maxSide`; at least 1 × 1. */
export function shrunk(width: number, height: number, maxSide: number): { width: number; height: number } {
  const scale = Math.min(1, maxSide / Math.max(width, height));
  return {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
}

/** Draws frames, one at a time, on a canvas that is kept while sizes stay the same. */
export class Shrinker {
  readonly #maxSide: number;
  #canvas: OffscreenCanvas | undefined;

  constructor(maxSide: number) {
    this.#maxSide = maxSide;
  }

  /** @param draw draws the frame, whose size is given, over the first `width` × `height` pixels of the canvas */
  picture(
    frame: { width: number; height: number },
    draw: (context: OffscreenCanvasRenderingContext2D, width: number, height: number) => void,
  ): ImageBitmap {
    const { width, height } = shrunk(frame.width, frame.height, this.#maxSide);
    if (this.#canvas?.width !== width || this.#canvas.height !== height)
      this.#canvas = new OffscreenCanvas(width, height);
    const context = this.#canvas.getContext("2d")!;
    context.imageSmoothingQuality = "high";
    draw(context, width, height);
    // Leaves the canvas empty.
    return this.#canvas.transferToImageBitmap();
  }
}
