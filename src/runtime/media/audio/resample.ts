/**
 * Changes the sample rate of mono audio, piece by piece: band-limited interpolation with a Kaiser-windowed sinc, one
 * set of taps for each of the L positions that outputs have between inputs (polyphase).
 * Source: Crochiere and Rabiner 1983, "Multirate Digital Signal Processing"; Kaiser 1974 for the window.
 */

/** Samples of the slower rate on each side of an output. */
const halfWidth = 32;
/** Of the slower rate's Nyquist frequency: where the filter has half its gain. */
const cutoff = 0.95;
/** Kaiser's β: sidelobes below -80 dB. With 32 samples a side, the pass band ends at 87 % of Nyquist, the stop band begins at 103 %. */
const beta = 8;
/**
 * Most sets of taps. All usual rates need fewer for 16 kHz (44.1 kHz: 160). Others get the nearest ratio of such, off by
 * less than two millionths.
 */
const maxPhases = 1024;

export class Resampler {
  /** Outputs of a whole period, and inputs. */
  readonly #up: number;
  readonly #down: number;
  /** (up, taps), each set with the sum 1. */
  readonly #phases: Float32Array;
  readonly #taps: number;
  /** Inputs that outputs to come still need; the first is input number `#first`. */
  #pending: Float32Array;
  #pendingCount: number;
  #first: number;
  #inputs = 0;
  #outputs = 0;

  /** @param fromRate, toRate in Hz, whole and positive */
  constructor(fromRate: number, toRate: number) {
    [this.#up, this.#down] = ratio(toRate, fromRate);
    const reach = Math.ceil(halfWidth * Math.max(1, this.#down / this.#up));
    this.#taps = 2 * reach;
    this.#phases = this.#up === this.#down ? new Float32Array() : filter(this.#up, this.#down, reach);
    // Before the first sample there is silence.
    this.#pendingCount = reach - 1;
    this.#pending = new Float32Array(this.#pendingCount);
    this.#first = 1 - reach;
  }

  /** The outputs that this input completes. */
  push(input: Float32Array): Float32Array<ArrayBuffer> {
    this.#inputs += input.length;
    if (this.#up === this.#down) return new Float32Array(input);
    this.#append(input);
    return this.#produce(Number.POSITIVE_INFINITY);
  }

  /** The rest, as if silence followed: in all, inputs · toRate / fromRate, rounded up. Ends the stream. */
  flush(): Float32Array<ArrayBuffer> {
    if (this.#up === this.#down) return new Float32Array();
    this.#append(new Float32Array(this.#taps));
    return this.#produce(Math.ceil((this.#inputs * this.#up) / this.#down));
  }

  #append(input: Float32Array): void {
    const count = this.#pendingCount + input.length;
    if (count > this.#pending.length) {
      const larger = new Float32Array(count);
      larger.set(this.#pending.subarray(0, this.#pendingCount));
      this.#pending = larger;
    }
    this.#pending.set(input, this.#pendingCount);
    this.#pendingCount = count;
  }

  /** Outputs whose taps are all there, of numbers below `end`. */
  #produce(end: number): Float32Array<ArrayBuffer> {
    const taps = this.#taps;
    const reach = taps / 2;
    const last = this.#first + this.#pendingCount - 1;
    // Output n lies at input n · down / up.
    const complete = Math.ceil(((last - reach + 1) * this.#up) / this.#down);
    const count = Math.max(0, Math.min(complete, end) - this.#outputs);
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const position = (this.#outputs + i) * this.#down;
      const input = Math.floor(position / this.#up);
      const phase = (position - input * this.#up) * taps;
      const from = input - reach + 1 - this.#first;
      let sum = 0;
      for (let k = 0; k < taps; k++) sum += this.#pending[from + k]! * this.#phases[phase + k]!;
      out[i] = sum;
    }
    this.#outputs += count;
    const keepFrom = Math.floor((this.#outputs * this.#down) / this.#up) - reach + 1;
    const drop = Math.min(this.#pendingCount, keepFrom - this.#first);
    if (drop > 0) {
      this.#pending.copyWithin(0, drop, this.#pendingCount);
      this.#pendingCount -= drop;
      this.#first += drop;
    }
    return out;
  }
}

/** The ratio of two rates in lowest terms, or the nearest one with a numerator of at most {@link maxPhases}. */
function ratio(numerator: number, denominator: number): [number, number] {
  // Continued fractions: each convergent is the best of its size.
  let [a, b] = [numerator, denominator];
  let [up, down, lastUp, lastDown] = [1, 0, 0, 1];
  while (b > 0) {
    const whole = Math.floor(a / b);
    const nextUp = whole * up + lastUp;
    if (nextUp > maxPhases && up > 0 && down > 0) break;
    [lastUp, lastDown, up, down] = [up, down, nextUp, whole * down + lastDown];
    [a, b] = [b, a - whole * b];
  }
  return [up, down];
}

/** Taps k of phase p: sinc · window at p / up + reach - 1 - k input samples. */
function filter(up: number, down: number, reach: number): Float32Array {
  const taps = 2 * reach;
  const width = halfWidth * Math.max(1, down / up);
  const bandwidth = cutoff * Math.min(1, up / down); // of the input's Nyquist frequency
  const phases = new Float32Array(up * taps);
  const values = new Float64Array(taps);
  for (let p = 0; p < up; p++) {
    let sum = 0;
    for (let k = 0; k < taps; k++) {
      const t = p / up + reach - 1 - k;
      values[k] = sinc(bandwidth * t) * kaiser(t / width);
      sum += values[k]!;
    }
    for (let k = 0; k < taps; k++) phases[p * taps + k] = values[k]! / sum;
  }
  return phases;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** The window at -1 … 1, its middle 1. */
function kaiser(x: number): number {
  return Math.abs(x) > 1 ? 0 : bessel(beta * Math.sqrt(1 - x * x)) / bessel(beta);
}

/** The modified Bessel function of the first kind of order 0, by its series. */
function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
