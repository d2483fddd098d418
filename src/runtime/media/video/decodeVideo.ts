/**
 * Frames of video files, as few as are looked at. Containers are read by mediabunny, frames are decoded by the browser
 * (WebCodecs) one after the other and made smaller at once, so that memory does not grow with a video's length.
 */

import {
  BlobSource,
  EncodedPacketSink,
  Input,
  type InputVideoTrack,
  MATROSKA,
  MP4,
  QTFF,
  UnsupportedInputFormatError,
  VideoSampleSink,
  WEBM,
} from "mediabunny";
import { OmniError } from "../../errors.ts";
import { type KeyFramesAround, nearKeyFrames, sampleTimes } from "./sampleTimes.ts";
import { Shrinker } from "./shrink.ts";
import { badVideo, sniffVideo } from "./sniffVideo.ts";
import { type VideoLimits, videoLimits } from "./videoLimits.ts";

/** By how much, in seconds, a video may be shorter than its file says, beside a hundredth of it. */
const lengthTolerance = 0.5;

export interface SeenFrame {
  /** Turned and in square pixels, as it is to be shown. To be closed. */
  image: ImageBitmap;
  /** Since the video's beginning. */
  seconds: number;
}

export interface FrameOptions {
  /** How many frames are looked at, where that is less than the video has. */
  framesPerSecond: number;
  /** Of longer videos fewer frames a second are looked at, evenly spaced. */
  mostFrames: number;
  /** Pixels of a frame's longer side at most. */
  maxSide: number;
  signal?: AbortSignal | undefined;
}

export interface OpenVideo {
  /** Until the last frame's end. */
  durationSeconds: number;
  /** As shown, in pixels. */
  width: number;
  height: number;
  /** Whether `decodeAudio` finds sound in the file. */
  hasAudio: boolean;
  /**
   * In order; a frame that is still shown at the next moment is given once.
   * @throws OmniError `invalid_request` (code `invalid_video`); `aborted`
   */
  frames(options: FrameOptions): AsyncGenerator<SeenFrame, void, void>;
  close(): void;
}

export interface DecodedVideo extends Pick<OpenVideo, "durationSeconds" | "hasAudio"> {
  frames: SeenFrame[];
}

/**
 * All chosen frames at once, which take `mostFrames * maxSide ** 2 * 4` bytes at most.
 * @throws OmniError `invalid_request` (code `invalid_video`), naming what is wrong with the file; `aborted`
 */
export async function decodeVideo(
  file: Blob,
  options: FrameOptions,
  limits: VideoLimits = videoLimits,
): Promise<DecodedVideo> {
  const video = await openVideo(file, limits);
  const frames: SeenFrame[] = [];
  try {
    for await (const frame of video.frames(options)) frames.push(frame);
    return { frames, durationSeconds: video.durationSeconds, hasAudio: video.hasAudio };
  } catch (thrown) {
    for (const { image } of frames) image.close();
    throw thrown;
  } finally {
    video.close();
  }
}

/**
 * Reads what a video file says of itself; decodes nothing yet.
 * @throws OmniError `invalid_request` (code `invalid_video`), naming what is wrong with the file
 */
export async function openVideo(file: Blob, limits: VideoLimits = videoLimits): Promise<OpenVideo> {
  await sniffVideo(file, limits);
  // What fails while nobody reads fails again when somebody does.
  const source = new BlobSource(file, { handleUnhandledError: () => {} });
  const input = new Input({ source, formats: [MP4, QTFF, WEBM, MATROSKA] });
  try {
    const track = await input.getPrimaryVideoTrack();
    if (!track) {
      const hasTracks = (await input.getTracks()).length > 0;
      throw badVideo(
        hasTracks ? "The file has no video track." : "The video is cut short: it names no tracks.",
      );
    }
    checkSize(await track.getCodedWidth(), await track.getCodedHeight(), limits);
    if (!(await track.canDecode())) throw badVideo(await undecodable(track));
    const span = await spanOf(input, track, limits);
    return {
      durationSeconds: span.end - span.first,
      width: await track.getDisplayWidth(),
      height: await track.getDisplayHeight(),
      hasAudio: (await input.getPrimaryAudioTrack()) !== null,
      frames: (options) => frames(track, span, options, limits),
      close: () => input.dispose(),
    };
  } catch (thrown) {
    input.dispose();
    throw videoError(thrown);
  }
}

function checkSize(width: number, height: number, { maxSide, maxPixels }: VideoLimits): void {
  if (!(width > 0 && height > 0)) throw badVideo(`The video is ${width} × ${height} pixels: nothing to see.`);
  if (width > maxSide || height > maxSide || width * height > maxPixels)
    throw badVideo(
      `The video is ${width} × ${height} pixels; at most ${maxSide} a side and ${maxPixels / 1e6} megapixels are taken.`,
    );
}

async function undecodable(track: InputVideoTrack): Promise<string> {
  const names: Record<string, string> = { avc: "H.264", hevc: "H.265", vp8: "VP8", vp9: "VP9", av1: "AV1" };
  const codec = await track.getCodec();
  const known = codec === null ? undefined : (names[codec] ?? codec);
  const id = await track.getInternalCodecId();
  const name =
    known ?? (typeof id === "string" ? `codec ${JSON.stringify(id.slice(0, 40))}` : "an unknown codec");
  return `This browser cannot decode the video's pictures (${name}). WebM with VP9 is decoded nearly everywhere.`;
}

interface Span {
  /** Starts of the first and the last frame, and the last one's end, in seconds of the file. */
  first: number;
  last: number;
  end: number;
}

async function spanOf(input: Input, track: InputVideoTrack, limits: VideoLimits): Promise<Span> {
  const packets = new EncodedPacketSink(track);
  const metadataOnly = { metadataOnly: true };
  const [firstPacket, lastPacket] = [
    await packets.getFirstPacket(metadataOnly),
    await packets.getPacket(Number.POSITIVE_INFINITY, metadataOnly),
  ];
  if (!firstPacket || !lastPacket) throw badVideo("The video has no frames: it is empty or cut short.");
  const first = Math.max(firstPacket.timestamp, 0);
  const last = Math.max(lastPacket.timestamp, first);
  // Matroska gives durations to few frames: the last one is shown as long as the one before.
  const previous = await packets.getPacket(last - 1e-4, metadataOnly);
  const lastLength = lastPacket.duration || (previous ? last - previous.timestamp : 0);
  const end = last + Math.max(lastLength, 0);
  if (!(end - first <= limits.maxSeconds))
    throw badVideo(
      `The video is ${Math.ceil(end - first)} seconds long; at most ${limits.maxSeconds} are taken.`,
    );
  // Sound may go on for longer than pictures.
  const [declared, there] = [await input.getDurationFromMetadata(), await input.computeDuration()];
  const reached = Math.max(there, end);
  if (declared !== null && declared - reached > lengthTolerance + 0.01 * declared)
    throw badVideo(
      `The video is cut short: it ends after ${reached.toFixed(1)} of ${declared.toFixed(1)} seconds.`,
    );
  return { first, last, end };
}

async function* frames(
  track: InputVideoTrack,
  { first, last }: Span,
  { framesPerSecond, mostFrames, maxSide, signal }: FrameOptions,
  limits: VideoLimits,
): AsyncGenerator<SeenFrame, void, void> {
  if (!(framesPerSecond > 0 && mostFrames >= 1 && maxSide >= 1))
    throw new RangeError(
      `${framesPerSecond} frames a second, ${mostFrames} frames, ${maxSide} pixels a side`,
    );
  const shrinker = new Shrinker(maxSide);
  let seen = Number.NEGATIVE_INFINITY;
  try {
    signal?.throwIfAborted();
    const times = await nearKeyFrames(
      sampleTimes(first, last, framesPerSecond, mostFrames),
      keyFrames(track),
      limits.maxDecodedSeconds,
    );
    const samples = new VideoSampleSink(track).samplesAtTimestamps(times);
    const stop = () => void samples.return();
    signal?.addEventListener("abort", stop);
    try {
      for await (const sample of samples) {
        // Tables of MP4 name frames that a file may not have any more.
        if (!sample) throw badVideo("The video is cut short: frames that it names are missing.");
        const seconds = Math.max(sample.timestamp - first, 0);
        let image: ImageBitmap | undefined;
        try {
          checkSize(sample.codedWidth, sample.codedHeight, limits);
          if (seconds > seen) {
            const size = { width: sample.displayWidth, height: sample.displayHeight };
            image = shrinker.picture(size, (context, width, height) =>
              sample.draw(context, 0, 0, width, height),
            );
          }
        } finally {
          sample.close();
        }
        seen = seconds;
        if (image) yield { image, seconds };
      }
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    signal?.throwIfAborted();
    if (seen < 0) throw badVideo("The video has no frames that can be decoded: it is broken or cut short.");
  } catch (thrown) {
    if (signal?.aborted) throw new OmniError("aborted", "The request was cancelled.");
    throw videoError(thrown);
  }
}

function keyFrames(track: InputVideoTrack): KeyFramesAround {
  const packets = new EncodedPacketSink(track);
  const metadataOnly = { metadataOnly: true };
  return async (seconds) => {
    const before = await packets.getKeyPacket(seconds, metadataOnly);
    if (!before) return {};
    const after = await packets.getNextKeyPacket(before, metadataOnly);
    return { before: before.timestamp, ...(after && { after: after.timestamp }) };
  };
}

/** What a demuxer or decoder throws is about the file. */
function videoError(thrown: unknown): OmniError {
  if (thrown instanceof OmniError) return thrown;
  if (thrown instanceof UnsupportedInputFormatError)
    return badVideo("The video is cut short or broken: its container cannot be read.");
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return badVideo(`The video is broken or cut short: ${why || "it cannot be decoded"}`);
}
