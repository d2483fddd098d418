import { expect, test } from "vitest";
import { Resampler } from "./resample.ts";

/** A sine of amplitude 1. */
function sine(frequencyHz: number, rate: number, seconds: number): Float32Array {
  return Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) =>
    Math.sin((2 * Math.PI * frequencyHz * i) / rate),
  );
}

/** All of it, in pieces of awkward sizes. */
function resample(input: Float32Array, fromRate: number, toRate = 16_000, pieces = [1, 1000, 7, 4099]) {
  const resampler = new Resampler(fromRate, toRate);
  const out: number[] = [];
  for (let at = 0, i = 0; at < input.length; i++) {
    const size = pieces[i % pieces.length]!;
    out.push(...resampler.push(input.subarray(at, at + size)));
    at += size;
  }
  out.push(...resampler.flush());
  return out;
}

const decibel = (ratio: number) => 20 * Math.log10(ratio);
/** The ends, where silence begins, are left out. */
const middle = (samples: number[]) => samples.slice(400, -400);
const rms = (values: number[]) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

const rates = [8000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000];

test.each(rates)("%i Hz: sines of the pass band come through unchanged, in phase", (rate) => {
  const nyquist = Math.min(rate, 16_000) / 2;
  for (const share of [0.01, 0.2, 0.5, 0.86]) {
    const frequency = nyquist * share;
    const out = middle(resample(sine(frequency, rate, 0.32), rate));
    const wanted = middle([...sine(frequency, 16_000, 0.32)]);
    expect(out.length).toBe(wanted.length);
    const error = out.map((value, i) => value - wanted[i]!);
    expect(decibel(rms(error) / rms(wanted)), `${frequency} Hz`).toBeLessThan(-65);
  }
});

test.each([22_050, 24_000, 44_100, 48_000, 96_000, 192_000])("%i Hz: what would alias is gone", (rate) => {
  for (const frequency of [8300, 9000, 10_900, rate / 2 - 100]) {
    if (frequency < 8300 || frequency > rate / 2) continue;
    const out = middle(resample(sine(frequency, rate, 0.32), rate));
    expect(decibel(rms(out) / Math.SQRT1_2), `${frequency} Hz`).toBeLessThan(-75);
  }
});

test.each([8000, 11_025])("%i Hz: no images appear above the input's band", (rate) => {
  const frequency = 0.8 * (rate / 2);
  const out = middle(resample(sine(frequency, rate, 0.32), rate));
  const image = rate - frequency;
  let [re, im] = [0, 0];
  out.forEach((value, i) => {
    re += value * Math.cos((2 * Math.PI * image * i) / 16_000);
    im += value * Math.sin((2 * Math.PI * image * i) / 16_000);
  });
  expect(decibel((2 * Math.hypot(re, im)) / out.length)).toBeLessThan(-60);
});

test("a constant stays one, to its end", () => {
  const out = resample(new Float32Array(44_100).fill(0.5), 44_100);
  expect(out).toHaveLength(16_000);
  for (const value of out.slice(100, -100)) expect(Math.abs(value - 0.5)).toBeLessThan(1e-5);
});

test("pieces make no difference, and the same rate changes nothing", () => {
  const input = sine(440, 44_100, 0.2);
  expect(resample(input, 44_100, 16_000, [3])).toEqual(resample(input, 44_100, 16_000, [100_000]));
  expect(resample(input, 16_000)).toEqual([...input]);
  expect(resample(new Float32Array(), 44_100)).toEqual([]);
  expect(resample(Float32Array.of(1), 8000)).toHaveLength(2);
});

test("a rate without a small ratio keeps time to a millionth", () => {
  const rate = 44_099;
  const out = resample(sine(1000, rate, 10), rate);
  const wanted = [...sine(1000, 16_000, 10)];
  expect(Math.abs(out.length - wanted.length)).toBeLessThanOrEqual(1);
  const error = out.slice(-1200, -400).map((value, i) => value - wanted[out.length - 1200 + i]!);
  // A drift of 2 millionths is 20 µs after 10 s: an eighth of this sine's radian.
  expect(rms(error)).toBeLessThan(0.1);
});
