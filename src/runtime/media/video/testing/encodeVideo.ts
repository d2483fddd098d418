/** Videos whose frames show their own number, encoded by the browser. */

import {
  type AudioCodec,
  AudioSample,
  AudioSampleSource,
  BufferTarget,
  Output,
  type OutputFormat,
  type VideoCodec,
  VideoSample,
  VideoSampleSource,
} from "mediabunny";
import { tone } from "../../audio/testing/waveFile.ts";

export interface VideoOptions {
  format: OutputFormat;
  codec?: VideoCodec;
  frames: number;
  framesPerSecond: number;
  width?: number;
  height?: number;
  /** Seconds from one key frame to the next. */
  keyFrameInterval?: number;
  rotation?: 0 | 90 | 180 | 270;
  sound?: { codec: AudioCodec; seconds: number; silent?: boolean };
}

const bits = 10;

/** `bits` columns, white where the number has a one, the highest first; the lowest eighth is red. */
export function drawNumber(
  context: OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D,
  value: number,
): void {
  const { width, height } = context.canvas;
  for (let bit = 0; bit < bits; bit++) {
    context.fillStyle = (value >> (bits - 1 - bit)) & 1 ? "white" : "black";
    context.fillRect((bit * width) / bits, 0, width / bits, height);
  }
  context.fillStyle = "red";
  context.fillRect(0, (height * 7) / 8, width, height / 8);
}

/** The colour at a place given in shares of the sides. */
export function colourAt(image: ImageBitmap, x: number, y: number): number[] {
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d")!;
  context.drawImage(image, 0, 0);
  return [...context.getImageData(Math.floor(x * image.width), Math.floor(y * image.height), 1, 1).data];
}

/** What {@link drawNumber} drew. */
export function numberIn(image: ImageBitmap): number {
  let value = 0;
  for (let bit = 0; bit < bits; bit++)
    value = 2 * value + (colourAt(image, (bit + 0.5) / bits, 0.4)[1]! > 128 ? 1 : 0);
  return value;
}

export async function encodeVideo(options: VideoOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { format, codec = "vp8", frames, framesPerSecond, width = 160, height = 96 } = options;
  const { keyFrameInterval = 1, rotation = 0, sound } = options;
  const output = new Output({ format, target: new BufferTarget() });
  const source = new VideoSampleSource({ codec, bitrate: 400_000, keyFrameInterval });
  output.addVideoTrack(source, { rotation });
  const audio = sound && new AudioSampleSource({ codec: sound.codec, bitrate: 64_000 });
  if (audio) output.addAudioTrack(audio);
  await output.start();
  if (audio) {
    const data = tone(440, 48_000, sound.seconds);
    if (sound.silent) data.fill(0);
    const sample = new AudioSample({
      ...{ data, format: "f32-planar", numberOfChannels: 1 },
      ...{ sampleRate: 48_000, timestamp: 0 },
    });
    await audio.add(sample);
    sample.close();
    audio.close();
  }
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  for (let i = 0; i < frames; i++) {
    drawNumber(context, i);
    const sample = new VideoSample(context.canvas, {
      ...{ timestamp: i / framesPerSecond, duration: 1 / framesPerSecond },
    });
    await source.add(sample);
    sample.close();
  }
  await output.finalize();
  return new Uint8Array((output.target as BufferTarget).buffer!);
}
