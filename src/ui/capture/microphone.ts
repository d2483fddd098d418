/** A microphone as mono samples at 16 kHz. */

import { Resampler } from "../../runtime/media/audio/resample.ts";
import { openDevice } from "./problem.ts";

/** What models that hear take. */
export const sampleRate = 16_000;

export interface MicrophoneOptions {
  /** Some 40 ms each. */
  onSamples: (samples: Float32Array) => void;
  /** The device is gone; the microphone is closed then. Not called after `close`. */
  onEnded: () => void;
}

export interface Microphone {
  /** Gives the device back. */
  close(): void;
}

/** @throws what `getUserMedia` throws; `NotSupportedError` where sound cannot be captured */
export async function openMicrophone({ onSamples, onEnded }: MicrophoneOptions): Promise<Microphone> {
  const stream = await openDevice({
    audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
  const track = stream.getAudioTracks()[0]!;
  // At the device's own rate: not every browser resamples a stream for its context.
  const context = new AudioContext();
  let closed = false;
  const close = () => {
    closed = true;
    track.stop();
    void context.close().catch(() => undefined);
  };
  try {
    await context.audioWorklet.addModule(new URL("./pcmWorklet.js", import.meta.url));
    await context.resume();
  } catch (thrown) {
    close();
    throw thrown;
  }
  const resampler = new Resampler(context.sampleRate, sampleRate);
  const capture = new AudioWorkletNode(context, "pcm-capture");
  capture.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
    if (!closed) onSamples(resampler.push(data));
  };
  // Its output is silent, and only what leads to an output is computed.
  context.createMediaStreamSource(stream).connect(capture).connect(context.destination);
  track.addEventListener("ended", () => {
    if (closed) return;
    close();
    onEnded();
  });
  return { close };
}
