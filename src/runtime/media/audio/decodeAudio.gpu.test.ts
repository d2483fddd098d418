/** What the browser decodes: files are encoded here by the browser itself. (A browser test; it needs no GPU.) */

import {
  type AudioCodec,
  AudioSample,
  AudioSampleSource,
  BufferTarget,
  Mp4OutputFormat,
  OggOutputFormat,
  Output,
  type OutputFormat,
  WebMOutputFormat,
} from "mediabunny";
import { expect, test } from "vitest";
import { decodeAudio } from "./decodeAudio.ts";
import { tone } from "./testing/waveFile.ts";

const rate = 48_000;
const seconds = 2;

async function encode(format: OutputFormat, codec: AudioCodec): Promise<Uint8Array<ArrayBuffer>> {
  const output = new Output({ format, target: new BufferTarget() });
  const source = new AudioSampleSource({ codec, bitrate: 96_000 });
  output.addAudioTrack(source);
  await output.start();
  const mono = tone(440, rate, seconds);
  const data = new Float32Array(mono.length * 2);
  data.set(mono);
  data.set(mono, mono.length);
  const sample = new AudioSample({
    data,
    format: "f32-planar",
    numberOfChannels: 2,
    sampleRate: rate,
    timestamp: 0,
  });
  await source.add(sample);
  sample.close();
  await output.finalize();
  return new Uint8Array((output.target as BufferTarget).buffer!);
}

async function decode(bytes: Uint8Array<ArrayBuffer>): Promise<Float32Array> {
  const audio = await decodeAudio(new Blob([bytes]));
  const pieces: number[] = [];
  for await (const piece of audio.samples()) pieces.push(...piece);
  audio.close();
  return Float32Array.from(pieces);
}

/** The share of a sine's power in samples: 1 is all. */
function purity(samples: Float32Array, frequencyHz: number): number {
  let [re, im, power] = [0, 0, 0];
  samples.forEach((value, i) => {
    const angle = (2 * Math.PI * frequencyHz * i) / 16_000;
    re += value * Math.cos(angle);
    im += value * Math.sin(angle);
    power += value * value;
  });
  return (2 * (re * re + im * im)) / samples.length / power;
}

test.each([
  { name: "OGG with Opus", format: () => new OggOutputFormat(), codec: "opus" },
  { name: "WebM with Opus", format: () => new WebMOutputFormat(), codec: "opus" },
  { name: "MP4 with Opus", format: () => new Mp4OutputFormat(), codec: "opus" },
] as const)("$name", async ({ format, codec }) => {
  const samples = await decode(await encode(format(), codec));
  expect(samples.length / 16_000).toBeGreaterThan(seconds - 0.1);
  expect(samples.length / 16_000).toBeLessThan(seconds + 0.1);
  const middle = samples.subarray(8000, 24_000);
  expect(purity(middle, 440)).toBeGreaterThan(0.98);
  expect(Math.max(...middle)).toBeGreaterThan(0.4);
});

/** Frames of MPEG-1 layer III, 128 kbit/s, 44.1 kHz, mono, whose side information is all zeros: silence. */
function silentMp3(frames: number): Uint8Array<ArrayBuffer> {
  const frameBytes = 417;
  const bytes = new Uint8Array(frames * frameBytes);
  for (let i = 0; i < frames; i++) bytes.set([0xff, 0xfb, 0x90, 0xc4], i * frameBytes);
  return bytes;
}

test("MP3", async () => {
  const samples = await decode(silentMp3(100));
  expect(samples.length / 16_000).toBeGreaterThan((100 * 1152) / 44_100 - 0.1);
  expect(samples.length / 16_000).toBeLessThan((100 * 1152) / 44_100 + 0.1);
  expect(Math.max(...samples.map(Math.abs))).toBeLessThan(1e-4);
});

test("files that end early are refused, or give what is there", async () => {
  const whole = await encode(new Mp4OutputFormat(), "opus");
  const error = await decode(whole.slice(0, whole.length >> 1)).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: "invalid_request", param: "file" });
  expect(error.message).toMatch(/cut short/);
  const ogg = await encode(new OggOutputFormat(), "opus");
  const half = await decode(ogg.slice(0, ogg.length >> 1)).catch((thrown) => thrown);
  if (half instanceof Float32Array) expect(half.length).toBeGreaterThan(4000);
  else expect(half).toMatchObject({ code: "invalid_request", param: "file" });
});
