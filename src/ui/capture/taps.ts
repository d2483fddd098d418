/**
 * Who hears of samples and frames while they are captured, so that their encoding can begin before the question ends.
 * What is sent in the end is exactly what was told here: the samples of a recording one after the other, as WAV; the
 * last frames, oldest first.
 */

export interface CaptureTap {
  /** @param samples at 16 kHz, the ones from number `start` on; not to be changed */
  onSamples?(recordingId: string, samples: Float32Array, start: number): void;
  /** Complete: its WAV file follows in a message. `kept` is false where it is thrown away. */
  onRecorded?(recordingId: string, kept: boolean): void;
  /** A JPEG of at most 448 pixels a side that joins the rolling window of the camera. */
  onFrame?(frame: Blob): void;
}

const taps = new Set<CaptureTap>();

/** @returns the function that ends it */
export function tapCapture(tap: CaptureTap): () => void {
  taps.add(tap);
  return () => taps.delete(tap);
}

/** For those who capture. */
export const toTaps: Required<CaptureTap> = {
  onSamples: (...told) => {
    for (const tap of taps) tap.onSamples?.(...told);
  },
  onRecorded: (...told) => {
    for (const tap of taps) tap.onRecorded?.(...told);
  },
  onFrame: (...told) => {
    for (const tap of taps) tap.onFrame?.(...told);
  },
};
