/** What Chromium's fake camera and microphone show and say: files made on the spot. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fixtures } from "./site.ts";

const media = path.join(import.meta.dirname, "media");

const size = { width: 320, height: 240 } as const;
const framesPerSecond = 5;

/** A frame in 4:2:0. */
interface Planes {
  y: Buffer;
  u: Buffer;
  v: Buffer;
}

const plain = (y: number): Planes => ({
  y: Buffer.alloc(size.width * size.height, y),
  u: Buffer.alloc((size.width * size.height) / 4, 128),
  v: Buffer.alloc((size.width * size.height) / 4, 128),
});

/** Writes YUV4MPEG2, which Chromium repeats. */
function writeCamera(file: string, frames: readonly Planes[]): void {
  const head = `YUV4MPEG2 W${size.width} H${size.height} F${framesPerSecond}:1 Ip A1:1 C420jpeg\n`;
  const parts = frames.flatMap(({ y, u, v }) => [Buffer.from("FRAME\n"), y, u, v]);
  writeFileSync(file, Buffer.concat([Buffer.from(head), ...parts]));
}

/** Fills the pixels of a frame for which `colour` gives luma and chroma. */
function paint({ y, u, v }: Planes, colour: (x: number, y: number) => readonly number[] | undefined): void {
  for (let row = 0; row < size.height; row++)
    for (let column = 0; column < size.width; column++) {
      const yuv = colour(column, row);
      if (!yuv) continue;
      y[row * size.width + column] = yuv[0]!;
      const at = (row >> 1) * (size.width >> 1) + (column >> 1);
      u[at] = yuv[1]!;
      v[at] = yuv[2]!;
    }
}

/**
 * A grey picture in which a bright square is there for the second half of 8 seconds. A spot in the corner differs in each
 * frame, too small to count as a change.
 */
function squareThatComes(): Planes[] {
  const count = framesPerSecond * 8;
  return Array.from({ length: count }, (_, frame) => {
    const planes = plain(80);
    paint(planes, (x, y) => {
      if (x < 16 && y < 16) return [16 + 5 * frame, 128, 128];
      return frame >= count / 2 && x >= 100 && x < 220 && y >= 60 && y < 180 ? [230, 128, 128] : undefined;
    });
    return planes;
  });
}

/** A picture of one frame from `media/`, three times as large and held by a hand that is not quite still. */
function heldPicture(name: string): Planes[] {
  const side = 64;
  const scale = 3.5;
  const bytes = readFileSync(path.join(media, name));
  const start = bytes.indexOf("FRAME\n") + 6;
  const at = (plane: number, x: number, y: number) =>
    plane === 0
      ? bytes[start + y * side + x]!
      : bytes[start + side * side * (1 + (plane - 1) / 4) + (y >> 1) * (side >> 1) + (x >> 1)]!;
  return Array.from({ length: framesPerSecond * 4 }, (_, frame) => {
    const angle = (2 * Math.PI * frame) / (framesPerSecond * 4);
    const [left, top] = [48 + 4 * Math.cos(angle), 8 + 3 * Math.sin(angle)];
    const planes = plain(214);
    paint(planes, (column, row) => {
      const [x, y] = [Math.floor((column - left) / scale), Math.floor((row - top) / scale)];
      if (x < 0 || y < 0 || x >= side || y >= side) return undefined;
      return [0, 1, 2].map((plane) => at(plane, x, y));
    });
    return planes;
  });
}

/** A blue circle that rests at the left for 4 seconds, moves to the right in 3, and rests there for 9. */
function circleThatMoves(): Planes[] {
  return Array.from({ length: framesPerSecond * 16 }, (_, frame) => {
    const moved = Math.min(1, Math.max(0, (frame / framesPerSecond - 4) / 3));
    const centre = 60 + 200 * moved;
    const planes = plain(225);
    paint(planes, (x, y) => ((x - centre) ** 2 + (y - 120) ** 2 < 50 ** 2 ? [60, 212, 96] : undefined));
    return planes;
  });
}

/** What the camera shows. */
const cameras = {
  "square that comes": squareThatComes,
  "a strawberry": () => heldPicture("strawberry.y4m"),
  "a circle that moves": circleThatMoves,
} as const;

/**
 * A second and a half of something like a voice (a buzz whose loudness goes up and down like syllables), then a pause of
 * two seconds, repeated.
 */
function buzz(): Sound {
  const rate = 48_000;
  const samples = new Int16Array(rate * 3.5);
  for (let i = 0; i < rate * 1.5; i++) {
    const t = i / rate;
    const pitch = 2 * Math.PI * (130 * t + 4 * Math.sin(2 * Math.PI * 1.3 * t));
    let sum = 0;
    for (let harmonic = 1; harmonic <= 20; harmonic++) sum += Math.sin(harmonic * pitch) / harmonic;
    const syllables = Math.max(0, Math.sin(2 * Math.PI * 3.5 * t)) ** 0.5;
    samples[i] = 9000 * sum * syllables;
  }
  return { rate, samples };
}

interface Sound {
  rate: number;
  samples: Int16Array;
}

/** A recording from `media/` (WAV with one channel of 16 bits and a head of 44 bytes) between pauses of so many seconds. */
function recording(name: string, before: number, after: number): Sound {
  const bytes = readFileSync(path.join(media, name));
  const rate = bytes.readUInt32LE(24);
  const spoken = new Int16Array(bytes.buffer.slice(bytes.byteOffset + 44, bytes.byteOffset + bytes.length));
  const samples = new Int16Array(Math.round(rate * (before + after)) + spoken.length);
  samples.set(spoken, Math.round(rate * before));
  return { rate, samples };
}

/** What the microphone hears, again and again. */
const microphones = {
  "a buzz": buzz,
  "three plus four": () => recording("three-plus-four.wav", 1.5, 3),
} as const;

function writeMicrophone(file: string, { rate, samples }: Sound): void {
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(samples.byteLength, 40);
  writeFileSync(file, Buffer.concat([header, Buffer.from(samples.buffer)]));
}

export interface FakeDevices {
  camera?: keyof typeof cameras;
  microphone?: keyof typeof microphones;
}

/** Writes the files. @returns Chromium's flags for them */
export function fakeDeviceFlags({
  camera = "square that comes",
  microphone = "a buzz",
}: FakeDevices = {}): string[] {
  mkdirSync(fixtures, { recursive: true });
  const fileOf = (name: string, type: string) => path.join(fixtures, `${name.replaceAll(" ", "-")}.${type}`);
  const [video, audio] = [fileOf(camera, "y4m"), fileOf(microphone, "wav")];
  writeCamera(video, cameras[camera]());
  writeMicrophone(audio, microphones[microphone]());
  return [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-video-capture=${video}`,
    `--use-file-for-fake-audio-capture=${audio}`,
  ];
}
