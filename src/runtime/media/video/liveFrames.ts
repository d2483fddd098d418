/** Frames of a camera or of another live track, at a rate that somebody can look at. */

import { invalidRequest, OmniError } from "../../errors.ts";
import type { FrameOptions, SeenFrame } from "./decodeVideo.ts";
import { Shrinker } from "./shrink.ts";

/** Not in TypeScript's library yet. Source: W3C, "MediaStreamTrack Insertable Media Processing using Streams", 3. */
type TrackProcessor = new (init: {
  track: MediaStreamTrack;
  maxBufferSize?: number;
}) => { readable: ReadableStream<VideoFrame> };

/** Cameras' clocks jitter: a frame counts as due when it is less than this share of the interval too early. */
const early = 0.1;

/**
 * A stream of a track's frames, which can be transferred to the worker where the track itself cannot.
 * @throws OmniError `invalid_request`: this browser has none (in this thread)
 */
export function trackReadable(track: MediaStreamTrack): ReadableStream<VideoFrame> {
  const { MediaStreamTrackProcessor } = globalThis as { MediaStreamTrackProcessor?: TrackProcessor };
  if (!MediaStreamTrackProcessor)
    throw invalidRequest(
      "This browser gives no frames of a live video here (it has no MediaStreamTrackProcessor).",
      "video",
      "unsupported_video",
    );
  // What nobody has read is dropped for what is newer.
  return new MediaStreamTrackProcessor({ track, maxBufferSize: 1 }).readable;
}

/**
 * Frames of a live track, until it ends: the camera was unplugged or stopped. Who reads slowly gets the newest frame and
 * none in between, so at most one frame waits. Times count from the first frame.
 * @param source a track, or what {@link trackReadable} gave in another thread
 * @throws OmniError `invalid_request` (code `invalid_video`): the stream fails; `aborted`
 */
export async function* liveFrames(
  source: MediaStreamTrack | ReadableStream<VideoFrame>,
  { framesPerSecond, maxSide, signal }: Omit<FrameOptions, "mostFrames">,
): AsyncGenerator<SeenFrame, void, void> {
  if (!(framesPerSecond > 0 && maxSide >= 1))
    throw new RangeError(`${framesPerSecond} frames a second, ${maxSide} pixels a side`);
  const reader = (source instanceof ReadableStream ? source : trackReadable(source)).getReader();
  const shrinker = new Shrinker(maxSide);
  let waiting: SeenFrame | undefined;
  let ended = false;
  let failure: unknown;
  let wake = () => {};
  const stop = () => {
    ended = true;
    void reader.cancel().catch(() => undefined);
    wake();
  };
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();

  const read = async () => {
    let firstMicroseconds: number | undefined;
    let due = 0;
    while (!ended) {
      const { value: frame } = await reader.read();
      if (!frame) break;
      try {
        firstMicroseconds ??= frame.timestamp;
        const seconds = (frame.timestamp - firstMicroseconds) / 1e6;
        if (ended || seconds < due - early / framesPerSecond) continue;
        // Keeps to the grid of times unless frames come more slowly.
        due = Math.max(due + 1 / framesPerSecond, seconds + (1 - early) / framesPerSecond);
        const size = { width: frame.displayWidth, height: frame.displayHeight };
        waiting?.image.close();
        waiting = {
          image: shrinker.picture(size, (context, w, h) => context.drawImage(frame, 0, 0, w, h)),
          seconds,
        };
        wake();
      } finally {
        frame.close();
      }
    }
  };
  void read()
    .catch((thrown) => {
      failure = thrown;
    })
    .finally(() => {
      ended = true;
      wake();
    });

  try {
    while (true) {
      if (signal?.aborted) throw new OmniError("aborted", "The request was cancelled.");
      const frame = waiting;
      waiting = undefined;
      if (frame) yield frame;
      else if (failure)
        throw invalidRequest(
          `The live video broke off: ${failure instanceof Error ? failure.message : String(failure)}`,
          "video",
          "invalid_video",
        );
      else if (ended) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
    (waiting as SeenFrame | undefined)?.image.close();
  }
}
