/** Which moments of a video are looked at. */

import { badVideo } from "./sniffVideo.ts";

/** Closer together than this, in seconds, frames are taken where they were asked for, not at key frames nearby. */
const leastSpacing = 1;

export interface Times {
  /** Seconds, ascending. */
  times: number[];
  /** Seconds from one to the next. */
  spacing: number;
}

/**
 * Moments `1 / framesPerSecond` apart from the first frame on; where that would be more than `mostFrames`, so many from
 * the first frame to the last, evenly spaced.
 * @param first start of the first frame, in seconds
 * @param last start of the last one
 */
export function sampleTimes(first: number, last: number, framesPerSecond: number, mostFrames: number): Times {
  const length = Math.max(last - first, 0);
  const wanted = Math.floor(length * framesPerSecond + 1e-6) + 1;
  if (wanted <= mostFrames) {
    const times = Array.from({ length: wanted }, (_, i) => first + i / framesPerSecond);
    return { times, spacing: 1 / framesPerSecond };
  }
  if (mostFrames === 1) return { times: [first + length / 2], spacing: length };
  const spacing = length / (mostFrames - 1);
  return { times: Array.from({ length: mostFrames }, (_, i) => first + i * spacing), spacing };
}

/** The key frames around a moment, by their starts in seconds: the last one until then, the first one after that one. */
export type KeyFramesAround = (seconds: number) => Promise<{ before?: number; after?: number }>;

/**
 * Where moments are far apart, each moves to a key frame within a quarter of the spacing: a key frame is decoded by
 * itself, any other frame with all since the key frame before it.
 * @throws OmniError `invalid_request`: key frames are so rare that more than `maxDecodedSeconds` would be decoded
 */
export async function nearKeyFrames(
  { times, spacing }: Times,
  keysAround: KeyFramesAround,
  maxDecodedSeconds: number,
): Promise<number[]> {
  const chosen: number[] = [];
  let decoded = 0;
  let lastKey: number | undefined;
  for (const time of times) {
    const { before, after } = await keysAround(time);
    const nearer = after !== undefined && (before === undefined || after - time < time - before);
    const near = nearer ? after : before;
    const moves = spacing >= leastSpacing && near !== undefined && Math.abs(near - time) <= spacing / 4;
    const at = moves ? near : time;
    if (chosen.length > 0 && at <= chosen.at(-1)!) continue;
    const key = moves ? near : before;
    const from = key !== undefined && key === lastKey ? chosen.at(-1)! : (key ?? at);
    decoded += at - from;
    if (decoded > maxDecodedSeconds)
      throw badVideo(
        `The video's key frames are so far apart that more than ${maxDecodedSeconds} seconds of it would have to be ` +
          "decoded to look at all of it: please send a part, or encode it with more key frames.",
      );
    chosen.push(at);
    lastKey = key;
  }
  return chosen;
}
