/** Whether something changed in front of a camera, by small grey pictures. */

/** Size that frames are compared at. */
export const comparedSize = { width: 32, height: 24 } as const;

/** Brightness of each pixel, 0 to 255. Weights: ITU-R BT.601. @param rgba 4 bytes a pixel */
export function greyOf(rgba: Uint8ClampedArray): Uint8Array {
  const grey = new Uint8Array(rgba.length / 4);
  for (let i = 0, at = 0; i < grey.length; i++, at += 4)
    grey[i] = Math.round(0.299 * rgba[at]! + 0.587 * rgba[at + 1]! + 0.114 * rgba[at + 2]!);
  return grey;
}

/** A pixel that differs by more than this, of 255, has changed: above the noise of cheap cameras. */
const changedBy = 24;

/**
 * The share of pixels that changed, 0 to 1. What all pixels have in common (a camera that adapts to the light) counts
 * as no change.
 */
export function changedShare(before: ArrayLike<number>, after: ArrayLike<number>): number {
  const count = Math.min(before.length, after.length);
  if (count === 0) return 0;
  const differences = Float64Array.from({ length: count }, (_, i) => after[i]! - before[i]!);
  const common = Float64Array.from(differences).sort()[count >> 1]!;
  return differences.filter((difference) => Math.abs(difference - common) > changedBy).length / count;
}

export interface ChangeTriggerOptions {
  /** Share of pixels. */
  threshold: number;
  /** Frames in a row that must differ: one alone may be a flicker. */
  frames: number;
  /** No second change is told within this time. */
  coolDownMs: number;
}

/** Tells changes against a picture that was there before; slow ones (daylight) become part of it. */
export class ChangeTrigger {
  readonly #options: ChangeTriggerOptions;
  #reference: Float32Array | undefined;
  #differing = 0;
  #quietUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: Partial<ChangeTriggerOptions> = {}) {
    this.#options = { threshold: 0.05, frames: 2, coolDownMs: 6000, ...options };
  }

  /** @returns whether this frame completes a change */
  push(grey: Uint8Array, atMs: number): boolean {
    const reference = this.#reference;
    if (!reference || reference.length !== grey.length) {
      this.#reference = Float32Array.from(grey);
      return false;
    }
    if (changedShare(reference, grey) < this.#options.threshold) {
      this.#differing = 0;
      for (let i = 0; i < grey.length; i++) reference[i]! += 0.1 * (grey[i]! - reference[i]!);
      return false;
    }
    this.#differing++;
    if (this.#differing < this.#options.frames || atMs < this.#quietUntilMs) return false;
    this.#differing = 0;
    this.#quietUntilMs = atMs + this.#options.coolDownMs;
    this.#reference = Float32Array.from(grey);
    return true;
  }
}
