/** How loud samples are. */

/** What digital silence counts as, in dB relative to full scale. */
export const silenceDb = -100;

/** Root mean square of samples in dB relative to full scale (a square wave of amplitude 1 has 0 dB). */
export function levelDb(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const meanSquare = samples.length === 0 ? 0 : sum / samples.length;
  const db = 10 * Math.log10(meanSquare);
  return db > silenceDb ? db : silenceDb; // samples that are no numbers are no sound either
}

/** A level as a part of a meter's width, 0 to 1: from -60 dB to -6 dB. */
export function meterShare(db: number): number {
  return Math.max(0, Math.min(1, (db + 60) / 54));
}

/**
 * Notices a microphone that gives nothing: muted at its switch, or the wrong one. Even a quiet room is some -70 dB.
 */
export class SilenceWatch {
  #quietSeconds = 0;

  constructor(
    readonly thresholdDb = -75,
    readonly patienceSeconds = 3,
  ) {}

  /** @returns whether nothing has been heard for longer than the patience */
  push(db: number, seconds: number): boolean {
    // A NaN level must not count as sound.
    this.#quietSeconds = db > this.thresholdDb ? 0 : this.#quietSeconds + seconds;
    return this.isSilent;
  }

  get isSilent(): boolean {
    return this.#quietSeconds >= this.patienceSeconds;
  }
}
