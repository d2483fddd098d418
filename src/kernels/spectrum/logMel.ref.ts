/**
 * Whisper's log-mel spectrogram in double, by the definition of the Fourier transform.
 * @param filters (mels, frameSize / 2 + 1)
 * @returns (frames, mels); of 1 + samples / hopSize frames all but the last
 */
export function logMelRef(
  samples: ArrayLike<number>,
  filters: ArrayLike<number>,
  { frameSize, hopSize }: { frameSize: number; hopSize: number },
): Float64Array {
  const bins = frameSize / 2 + 1;
  const mels = filters.length / bins;
  const frames = Math.floor(samples.length / hopSize);
  const padding = frameSize / 2;
  const padded = Float64Array.from({ length: samples.length + 2 * padding }, (_, i) => {
    const at = Math.abs(i - padding);
    return samples[at < samples.length ? at : 2 * (samples.length - 1) - at]!;
  });
  const cosines = Float64Array.from({ length: frameSize }, (_, i) => Math.cos((2 * Math.PI * i) / frameSize));
  const out = new Float64Array(frames * mels);
  const power = new Float64Array(bins);
  for (let t = 0; t < frames; t++) {
    const frame = Float64Array.from({ length: frameSize }, (_, i) => {
      return padded[t * hopSize + i]! * Math.sin((Math.PI * i) / frameSize) ** 2;
    });
    for (let k = 0; k < bins; k++) {
      let [real, imaginary] = [0, 0];
      for (let n = 0; n < frameSize; n++) {
        real += frame[n]! * cosines[(n * k) % frameSize]!;
        // sin φ = cos(φ - a quarter of a turn)
        imaginary += frame[n]! * cosines[(n * k + (3 * frameSize) / 4) % frameSize]!;
      }
      power[k] = real ** 2 + imaginary ** 2;
    }
    for (let m = 0; m < mels; m++) {
      let sum = 0;
      for (let k = 0; k < bins; k++) sum += filters[m * bins + k]! * power[k]!;
      out[t * mels + m] = Math.log10(Math.max(sum, 1e-10));
    }
  }
  const largest = out.reduce((a, b) => Math.max(a, b), -Infinity);
  return out.map((value) => (Math.max(value, largest - 8) + 4) / 4);
}
