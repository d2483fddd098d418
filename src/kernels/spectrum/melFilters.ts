/** Mel filters: triangles over the bins of a power spectrum, by Slaney's scale. */

export interface MelSpec {
  /** Hz. */
  sampleRate: number;
  /** Samples of a frame: its spectrum has frameSize / 2 + 1 bins. */
  frameSize: number;
  /** M. */
  mels: number;
  /** Hz; default 0. */
  minHz?: number;
  /** Hz; default half of the sample rate. */
  maxHz?: number;
}

/** Slaney's scale: linear up to 1,000 Hz (15 mels), and 27 mels for a factor of 6.4 beyond. */
const hzPerMel = 200 / 3;
const linearHz = 1000;
const linearMels = linearHz / hzPerMel;
const logStep = Math.log(6.4) / 27;

const melOf = (hz: number) =>
  hz < linearHz ? hz / hzPerMel : linearMels + Math.log(hz / linearHz) / logStep;
const hzOf = (mel: number) =>
  mel < linearMels ? mel * hzPerMel : linearHz * Math.exp(logStep * (mel - linearMels));

/**
 * (M, frameSize / 2 + 1): filter m rises from the m-th of M + 2 frequencies at equal distances in mels to the next, and falls
 * to the one after; its area is 1 in Hz. Rounded where librosa rounds.
 * Source: Slaney 1998, Auditory Toolbox (Interval Research 1998-010); librosa.filters.mel with norm "slaney".
 */
export function melFilters({ sampleRate, frameSize, mels, ...range }: MelSpec): Float32Array {
  const { minHz = 0, maxHz = sampleRate / 2 } = range;
  const bins = frameSize / 2 + 1;
  const low = melOf(minHz);
  const step = (melOf(maxHz) - low) / (mels + 1);
  const edges = Array.from({ length: mels + 2 }, (_, i) => hzOf(low + i * step));
  const filters = new Float32Array(mels * bins);
  for (let m = 0; m < mels; m++) {
    const [from, peak, to] = edges.slice(m, m + 3) as [number, number, number];
    for (let bin = 0; bin < bins; bin++) {
      const hz = (bin * sampleRate) / frameSize;
      const height = Math.max(0, Math.min((hz - from) / (peak - from), (to - hz) / (to - peak)));
      filters[m * bins + bin] = Math.fround(height) * (2 / (to - from));
    }
  }
  return filters;
}
