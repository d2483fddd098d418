/** What Chromium's fake camera and microphone show and say: files made on the spot. */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fixtures } from "./site.ts";

/**
 * Frames of a grey picture in which a bright square is there for the second half, as YUV4MPEG2 (4:2:0), repeated. A spot
 * in the corner differs in each, too small to count as a change.
 */
function writeCamera(file: string): void {
  const { width, height, framesPerSecond, seconds } = {
    width: 320,
    height: 240,
    framesPerSecond: 5,
    seconds: 8,
  };
  const parts: Buffer[] = [
    Buffer.from(`YUV4MPEG2 W${width} H${height} F${framesPerSecond}:1 Ip A1:1 C420jpeg\n`),
  ];
  const frames = framesPerSecond * seconds;
  for (let frame = 0; frame < frames; frame++) {
    const luma = Buffer.alloc(width * height, 80);
    if (frame >= frames / 2) for (let y = 60; y < 180; y++) luma.fill(230, y * width + 100, y * width + 220);
    for (let y = 0; y < 16; y++) luma.fill(16 + 5 * frame, y * width, y * width + 16);
    parts.push(Buffer.from("FRAME\n"), luma, Buffer.alloc((width * height) / 2, 128));
  }
  writeFileSync(file, Buffer.concat(parts));
}

/**
 * A second and a half of something like a voice (a buzz whose loudness goes up and down like syllables), then a pause of
 * two seconds, repeated.
 */
function writeMicrophone(file: string): void {
  const rate = 48_000;
  const samples = new Int16Array(rate * 3.5);
  for (let i = 0; i < rate * 1.5; i++) {
    const t = i / rate;
    const pitch = 2 * Math.PI * (130 * t + 4 * Math.sin(2 * Math.PI * 1.3 * t));
    let buzz = 0;
    for (let harmonic = 1; harmonic <= 20; harmonic++) buzz += Math.sin(harmonic * pitch) / harmonic;
    const syllables = Math.max(0, Math.sin(2 * Math.PI * 3.5 * t)) ** 0.5;
    samples[i] = 9000 * buzz * syllables;
  }
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

/** Writes the files. @returns Chromium's flags for them */
export function fakeDeviceFlags(): string[] {
  mkdirSync(fixtures, { recursive: true });
  const camera = path.join(fixtures, "camera.y4m");
  const microphone = path.join(fixtures, "microphone.wav");
  writeCamera(camera);
  writeMicrophone(microphone);
  return [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-video-capture=${camera}`,
    `--use-file-for-fake-audio-capture=${microphone}`,
  ];
}
