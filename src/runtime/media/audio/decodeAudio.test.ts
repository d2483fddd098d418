/** What needs no decoder: WAV, and files that are none. */

import { expect, test } from "vitest";
import { audioLimits } from "./audioLimits.ts";
import { AudioWindow } from "./audioWindow.ts";
import { decodeAudio } from "./decodeAudio.ts";
import { tone, type WaveOptions, waveFile } from "./testing/waveFile.ts";

async function decode(bytes: BlobPart, limits = audioLimits): Promise<number[]> {
  const audio = await decodeAudio(new Blob([bytes]), limits);
  const samples: number[] = [];
  for await (const piece of audio.samples()) samples.push(...piece);
  audio.close();
  return samples;
}

const refusal = (bytes: BlobPart, limits?: Parameters<typeof decode>[1]) =>
  decode(bytes, limits).then(
    () => expect.fail("was decoded"),
    (error) => error,
  );

const wave = (options: Partial<WaveOptions> = {}) =>
  waveFile({ sampleRate: 16_000, channels: [tone(440, 16_000, 0.5)], ...options });

test.each([
  { bits: 8, tolerance: 0.01 },
  { bits: 16, tolerance: 1e-4 },
  { bits: 24, tolerance: 1e-6 },
  { bits: 32, tolerance: 1e-6 },
  { bits: 32, float: true, tolerance: 1e-7 },
] as const)("WAV of $bits bits, float: $float", async ({ tolerance, ...format }) => {
  const samples = await decode(wave(format));
  const wanted = tone(440, 16_000, 0.5);
  expect(samples).toHaveLength(wanted.length);
  const worst = Math.max(...samples.map((value, i) => Math.abs(value - wanted[i]!)));
  expect(worst).toBeLessThanOrEqual(tolerance);
});

test("channels are mixed, rates changed", async () => {
  const rate = 44_100;
  const left = tone(440, rate, 1);
  const right = tone(1000, rate, 1);
  const samples = await decode(waveFile({ sampleRate: rate, channels: [left, right], bits: 24 }));
  expect(samples).toHaveLength(16_000);
  const other = tone(1000, 16_000, 1);
  const wanted = tone(440, 16_000, 1).map((value, i) => (value + other[i]!) / 2);
  const worst = Math.max(...samples.slice(100, -100).map((v, i) => Math.abs(v - wanted[i + 100]!)));
  expect(worst).toBeLessThan(1e-3);
});

test("numbers that are none are silence", async () => {
  const samples = await decode(wave({ channels: [[0.5, Number.NaN, 1e39, -0.5]], bits: 32, float: true }));
  expect(samples).toEqual([0.5, 0, 0, -0.5]);
});

test("a header that does not know the length is believed to the file's end", async () => {
  for (const declaredBytes of [0, 0x7fff_ffff, 0xffff_ffff])
    expect(await decode(wave({ declaredBytes }))).toHaveLength(8000);
});

test.each([
  { name: "nothing", bytes: new Uint8Array(0), message: /empty \(0 bytes\)/ },
  {
    name: "a web page named .wav",
    bytes: "\n<!DOCTYPE html><title>404</title>",
    message: /web page/,
  },
  { name: "JSON", bytes: '{"error": "not found"}', message: /JSON/ },
  { name: "a Git LFS pointer", bytes: "version https://git-lfs.github.com/spec/v1", message: /LFS/ },
  { name: "a text", bytes: "This is no audio. ".repeat(99), message: /no audio format that is known/ },
  { name: "zeros", bytes: new Uint8Array(5000), message: /no audio format that is known/ },
  {
    name: "a cut WAV",
    bytes: wave().subarray(0, 9000),
    message: /cut short: 16000 bytes.*ends at byte 9000/,
  },
  { name: "a cut WAV header", bytes: wave().subarray(0, 30), message: /cut short/ },
  { name: "half of RIFF", bytes: wave().subarray(0, 8), message: /inside its header/ },
  { name: "a WAV without samples", bytes: wave().subarray(0, 36), message: /no samples/ },
  { name: "a WAV of no samples", bytes: wave({ channels: [[]] }), message: /no samples/ },
  { name: "a WAV of no channels", bytes: patched(22, 0), message: /0 channels/ },
  { name: "a WAV of empty blocks", bytes: patched(32, 0), message: /0 bytes/ },
  { name: "a WAV of 77 bits", bytes: patched(34, 77), message: /bit depth/ },
  { name: "100 channels", bytes: patched(22, 100), message: /100 channels/ },
  { name: "a rate of 1 Hz", bytes: patched(24, 1), message: /sample rate of 1 Hz/ },
])("$name is refused by name", async ({ bytes, message }) => {
  const error = await refusal(bytes);
  expect(error).toMatchObject({ code: "invalid_request", param: "file", detail: "invalid_audio" });
  expect(error.message).toMatch(message);
  expect(error.status).toBe(400);
});

function patched(at: number, value: number): Uint8Array<ArrayBuffer> {
  const bytes = wave();
  new DataView(bytes.buffer).setUint16(at, value, true);
  return bytes;
}

test("whatever a header says, there are samples or an error that is the request's", async () => {
  let state = 1;
  const random = (end: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
  const outcomes = { decoded: 0, refused: 0 };
  for (let i = 0; i < 400; i++) {
    const bytes = wave({ channels: [tone(440, 16_000, 0.02)] });
    for (let change = 0; change <= random(3); change++)
      bytes[random(44)] = random(4) === 0 ? 255 : random(256);
    const cut = random(4) === 0 ? bytes.slice(0, random(bytes.length)) : bytes;
    const result = await decode(cut).catch((error) => error);
    if (Array.isArray(result)) {
      outcomes.decoded++;
      expect(result.every(Number.isFinite)).toBe(true);
    } else {
      outcomes.refused++;
      expect(result).toMatchObject({ name: "OmniError", code: "invalid_request", param: "file" });
    }
  }
  expect(outcomes.decoded).toBeGreaterThan(20);
  expect(outcomes.refused).toBeGreaterThan(50);
}, 20_000);

test("limits hold", async () => {
  expect((await refusal(wave(), { ...audioLimits, maxBytes: 1000 })).message).toMatch(/at most 1000/);
  expect((await refusal(wave(), { ...audioLimits, maxSeconds: 0.3 })).message).toMatch(/at most 0.3/);
});

test("a window moves over a long stream and holds no more than it shows", async () => {
  let made = 0;
  async function* stream() {
    for (let piece = 0; piece < 1000; piece++) {
      made = (piece + 1) * 100;
      yield Float32Array.from({ length: 100 }, (_, i) => piece * 100 + i);
    }
  }
  const window = new AudioWindow(stream());
  expect([...(await window.read(0, 5))]).toEqual([0, 1, 2, 3, 4]);
  expect(made).toBe(100);
  expect([...(await window.read(250, 3))]).toEqual([250, 251, 252]);
  expect((await window.read(250, 1000)).at(-1)).toBe(1249);
  expect(made).toBe(1300);
  await expect(window.read(100, 1)).rejects.toThrow(RangeError);
  expect([...(await window.read(99_998, 10))]).toEqual([99_998, 99_999]);
  expect(window.readSamples).toBe(100_000);
  expect(await window.read(100_000, 10)).toHaveLength(0);
  await window.close();
});
