/**
 * What a `video_url` stands for: a video file, or frames as vLLM takes them, `data:video/jpeg;base64,` and JPEG files in
 * base64 with commas between (source: vLLM's documentation, "Multimodal Inputs", "Video Inputs").
 */

import { OmniError } from "../../errors.ts";
import { fetchMedia } from "../fetchMedia.ts";
import { decodeImage } from "../image/decodeImage.ts";
import { imageLimits } from "../image/sniffImage.ts";
import { type DecodedVideo, decodeVideo, type FrameOptions, type SeenFrame } from "./decodeVideo.ts";
import { Shrinker } from "./shrink.ts";
import { badVideo } from "./sniffVideo.ts";
import { type VideoLimits, videoLimits } from "./videoLimits.ts";

/** How many frames a second were taken where a list of JPEGs does not say: what Qwen2-VL's processor assumes. */
export const listedFramesPerSecond = 2;

const listHead = /^data:video\/jpeg(?:;[^,;]*)*;\s*base64\s*,/i;

export interface VideoOfUrl extends DecodedVideo {
  /** With the sound; a list of pictures has none. */
  file?: Blob;
}

/**
 * @param param the field that the URL is in, for errors
 * @throws OmniError `invalid_request`: not reachable, too large, no video that is taken; `aborted`
 */
export async function decodeVideoUrl(
  url: string,
  param: string,
  options: FrameOptions,
  limits: VideoLimits = videoLimits,
): Promise<VideoOfUrl> {
  // A regular expression over the whole of a URL of megabytes has nothing to find.
  const head = listHead.exec(url.slice(0, 200));
  if (head) return decodeList(url, head[0].length, param, options, limits);
  const file = await fetchMedia(url, param, limits, options.signal);
  return { ...(await decodeVideo(file, options, limits)), file };
}

async function decodeList(
  url: string,
  from: number,
  param: string,
  { mostFrames, maxSide, signal }: FrameOptions,
  { maxBytes }: VideoLimits,
): Promise<DecodedVideo> {
  if ((url.length - from) * 0.75 > maxBytes + 4)
    throw badVideo(`The video has more than the ${maxBytes} bytes that are taken.`);
  let count = 1;
  for (let at = url.indexOf(",", from); at >= 0; at = url.indexOf(",", at + 1)) count++;
  const wanted = evenly(count, mostFrames);
  const shrinker = new Shrinker(maxSide);
  const frames: SeenFrame[] = [];
  try {
    let at = from;
    for (let i = 0, next = 0; i < count; i++) {
      const comma = url.indexOf(",", at);
      const end = comma < 0 ? url.length : comma;
      if (i === wanted[next]) {
        next++;
        if (signal?.aborted) throw new OmniError("aborted", "The request was cancelled.");
        const image = await jpegFrame(url.slice(at, end), i, param, shrinker);
        frames.push({ image, seconds: i / listedFramesPerSecond });
      }
      at = end + 1;
    }
    return { frames, durationSeconds: count / listedFramesPerSecond, hasAudio: false };
  } catch (thrown) {
    for (const { image } of frames) image.close();
    throw thrown;
  }
}

/** Numbers from 0 below `count`, at most `most`, evenly spaced. */
function evenly(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i);
  if (most === 1) return [count >> 1];
  return Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)));
}

async function jpegFrame(
  base64: string,
  index: number,
  param: string,
  shrinker: Shrinker,
): Promise<ImageBitmap> {
  let whole: ImageBitmap;
  try {
    whole = await decodeImage(await fetchMedia(`data:image/jpeg;base64,${base64}`, param, imageLimits));
  } catch (thrown) {
    if (!(thrown instanceof OmniError)) throw thrown;
    throw badVideo(`Frame ${index + 1} of the video: ${thrown.message}`);
  }
  try {
    return shrinker.picture(whole, (context, width, height) => context.drawImage(whole, 0, 0, width, height));
  } finally {
    whole.close();
  }
}
