/** Fetches, decodes and encodes the pictures, sounds and videos of a request. Loaded with the first of them. */

import { pixelLimits } from "../engine/media/imageRunner.ts";
import type { Frame, MediaEncoder, OpenedMedia, OpenOptions } from "../engine/media/mediaEncoder.ts";
import { checkAborted } from "../engine/types.ts";
import { invalidRequest, OmniError } from "../errors.ts";
import { audioLimits } from "../media/audio/audioLimits.ts";
import { decodeAudio, joinedSamples, sampleRate } from "../media/audio/decodeAudio.ts";
import { fetchMedia } from "../media/fetchMedia.ts";
import { decodeImage } from "../media/image/decodeImage.ts";
import { imagePixels } from "../media/image/imagePixels.ts";
import { imageLimits } from "../media/image/sniffImage.ts";
import { videoLimits } from "../media/video/videoLimits.ts";
import { decodeVideoUrl } from "../media/video/videoUrl.ts";
import type { MediaSource } from "./parts.ts";

/** Of bytes of a sound in a request: half a minute as uncompressed stereo takes 6 MB. */
const maxAudioBytes = 64 * 2 ** 20;
/** A sound whose samples all lie below this is silence: -60 dB. */
const silentPeak = 1e-3;

/**
 * What stands in the prompt for a part; held until it is released.
 * @throws OmniError `invalid_request` that names the field and what is wrong with what is in it; `queue_full`; `aborted`
 */
export async function openMedia(
  encoder: MediaEncoder,
  source: MediaSource & { kind: "image" | "audio" | "video" },
  options: OpenOptions,
): Promise<OpenedMedia> {
  const { signal } = options;
  checkAborted(signal);
  try {
    if (source.kind === "image") return await openImage(encoder, source, options);
    if (source.kind === "audio") return await openAudio(encoder, source, options);
    return await openVideo(encoder, source, options);
  } catch (thrown) {
    checkAborted(signal);
    const error = OmniError.from(thrown);
    if (error.code !== "invalid_request" || error.detail === "context_length_exceeded") throw error;
    throw invalidRequest(error.message, source.param, error.detail);
  }
}

async function openImage(encoder: MediaEncoder, { url, param, detail }: MediaSource, options: OpenOptions) {
  const image = await decodeImage(await fetchMedia(url, param, imageLimits, options.signal));
  try {
    return await encoder.image(imagePixels(image, pixelLimits), detail, options);
  } finally {
    image.close();
  }
}

async function openAudio(encoder: MediaEncoder, { url, param }: MediaSource, options: OpenOptions) {
  const { signal } = options;
  const file = await fetchMedia(url, param, { maxBytes: maxAudioBytes }, signal);
  return encoder.audio(await allSamples(file, encoder, maxAudioBytes, signal), options);
}

/** @throws OmniError where there is more than the model hears, before all of it is decoded */
async function allSamples(
  file: Blob,
  encoder: MediaEncoder,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Float32Array> {
  const { maxSamples } = encoder.audioLimits;
  const audio = await decodeAudio(file, {
    ...audioLimits,
    maxBytes,
    maxSeconds: maxSamples / sampleRate,
  });
  try {
    return await joinedSamples(audio, signal);
  } finally {
    audio.close();
  }
}

async function openVideo(encoder: MediaEncoder, { url, param }: MediaSource, options: OpenOptions) {
  const { signal } = options;
  const { frames, file, hasAudio } = await decodeVideoUrl(url, param, { ...encoder.videoSampling, signal });
  let seen: Frame[];
  try {
    seen = frames.map(({ image, seconds }) => ({ ...imagePixels(image, pixelLimits), seconds }));
  } finally {
    for (const { image } of frames) image.close();
  }
  const heard = hasAudio && encoder.kinds.includes("audio");
  const sound = heard && file ? await soundOf(file, encoder, signal) : undefined;
  return encoder.video(seen, sound, options);
}

/** A video's sound, unless it is silent, longer than the model hears, or cannot be decoded. */
async function soundOf(
  file: Blob,
  encoder: MediaEncoder,
  signal: AbortSignal,
): Promise<Float32Array | undefined> {
  try {
    const samples = await allSamples(file, encoder, videoLimits.maxBytes, signal);
    return samples.some((sample) => Math.abs(sample) > silentPeak) ? samples : undefined;
  } catch (thrown) {
    checkAborted(signal);
    if (OmniError.from(thrown).code !== "invalid_request") throw thrown;
    return undefined;
  }
}
