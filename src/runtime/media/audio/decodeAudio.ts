/**
 * Audio files to mono samples at 16 kHz, a piece at a time. Containers are read by mediabunny, sound is decoded by the
 * browser (WebCodecs, which workers have; `decodeAudioData` they have not, and it would hold two hours in memory at once).
 * Uncompressed WAV needs no decoder, so it also works where there is none.
 */

import {
  ADTS,
  type AudioSample,
  AudioSampleSink,
  BlobSource,
  FLAC,
  Input,
  type InputAudioTrack,
  MATROSKA,
  MP3,
  MP4,
  OGG,
  QTFF,
  UnsupportedInputFormatError,
  WAVE,
  WEBM,
} from "mediabunny";
import { OmniError } from "../../errors.ts";
import { type AudioLimits, audioLimits } from "./audioLimits.ts";
import { Resampler } from "./resample.ts";
import { badAudio, sniffAudio } from "./sniffAudio.ts";

export const sampleRate = 16_000;

const formats = [WAVE, MP3, OGG, WEBM, MATROSKA, MP4, QTFF, FLAC, ADTS];
const formatNames = "WAV, MP3, OGG, WebM, M4A/MP4, FLAC and AAC";

/** Silence between packets is kept, so that times stay right, in pieces of this many samples. */
const silencePiece = sampleRate;
/** Less than this, in seconds, is rounding of timestamps. */
const gapTolerance = 0.1;
/** By how much, in seconds, a file may be shorter than it says. */
const lengthTolerance = 0.25;

export interface DecodedAudio {
  /** As the file says; undefined where it does not. */
  durationSeconds: number | undefined;
  /**
   * Mono samples at 16 kHz, in order, in pieces of any size; once.
   * @throws OmniError `invalid_request` with the param `file`: broken, cut short, or beyond the limits
   */
  samples(): AsyncGenerator<Float32Array, void, void>;
  close(): void;
}

/**
 * Opens an audio file, or the first audio track of a video.
 * @throws OmniError `invalid_request` with the param `file`, naming what is wrong with it
 */
export async function decodeAudio(file: Blob, limits: AudioLimits = audioLimits): Promise<DecodedAudio> {
  // What fails while nobody reads fails again when somebody does.
  const source = new BlobSource(await sniffAudio(file, limits), { handleUnhandledError: () => {} });
  const input = new Input({ source, formats });
  try {
    const track = await audioTrack(input);
    const channels = await track.getNumberOfChannels();
    const rate = await track.getSampleRate();
    checkSound(channels, rate, limits);
    if (!(await track.canDecode()))
      throw badAudio(
        `This browser cannot decode the file's sound (${(await track.getCodec()) ?? "unknown codec"}).`,
      );
    const declared = (await track.getDurationFromMetadata()) ?? undefined;
    if (declared !== undefined) checkDuration(declared, limits);
    const sure = await knowsLength(input);
    return {
      durationSeconds: declared,
      samples: () => naming(mono(track, sure ? declared : undefined, limits)),
      close: () => input.dispose(),
    };
  } catch (thrown) {
    input.dispose();
    throw audioError(thrown);
  }
}

/** All samples in one array: for what is known to be short. @throws OmniError as `samples`; `aborted` */
export async function joinedSamples(audio: DecodedAudio, signal?: AbortSignal): Promise<Float32Array> {
  const pieces: Float32Array[] = [];
  for await (const piece of audio.samples()) {
    if (signal?.aborted) throw new OmniError("aborted", "The request was cancelled.");
    pieces.push(piece);
  }
  const all = new Float32Array(pieces.reduce((count, { length }) => count + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

async function audioTrack(input: Input): Promise<InputAudioTrack> {
  const track = await input.getPrimaryAudioTrack();
  if (track) return track;
  throw badAudio("The file has no audio track.");
}

/** Whether the length in the file's metadata is the sound's own: not an estimate (MP3), nor that of a video around it. */
async function knowsLength(input: Input): Promise<boolean> {
  const format = await input.getFormat();
  if (format === MP3) return false;
  const isMatroska = format === WEBM || format === MATROSKA;
  return !isMatroska || (await input.getPrimaryVideoTrack()) === null;
}

function checkSound(channels: number, rate: number, limits: AudioLimits): void {
  const { maxChannels, minSampleRate, maxSampleRate } = limits;
  if (!(channels >= 1 && channels <= maxChannels))
    throw badAudio(`The audio has ${channels} channels; 1 to ${maxChannels} are taken.`);
  if (!(rate >= minSampleRate && rate <= maxSampleRate))
    throw badAudio(
      `The audio has a sample rate of ${rate} Hz; ${minSampleRate} to ${maxSampleRate} are taken.`,
    );
}

function checkDuration(seconds: number, { maxSeconds }: AudioLimits): void {
  if (seconds > maxSeconds)
    throw badAudio(`The audio is ${Math.ceil(seconds)} seconds long; at most ${maxSeconds} are taken.`);
}

async function* mono(
  track: InputAudioTrack,
  /** How long it is, where that is sure. */
  declared: number | undefined,
  limits: AudioLimits,
): AsyncGenerator<Float32Array, void, void> {
  let resampler: Resampler | undefined;
  let rate = 0;
  let produced = 0;
  /** Where the first sample lies, and where the next one should, in seconds of the file. */
  let start: number | undefined;
  let expected = 0;
  const counted = (piece: Float32Array) => {
    produced += piece.length;
    checkDuration(produced / sampleRate, limits);
    return piece;
  };
  for await (const sample of new AudioSampleSink(track).samples()) {
    try {
      checkSound(sample.numberOfChannels, sample.sampleRate, limits);
      if (!resampler || sample.sampleRate !== rate) {
        if (resampler) yield counted(resampler.flush());
        rate = sample.sampleRate;
        resampler = new Resampler(rate, sampleRate);
      }
      // What lies before 0 is an encoder's lead, which nobody is to hear.
      const skipped = Math.min(sample.numberOfFrames, Math.max(0, Math.round(-sample.timestamp * rate)));
      if (skipped === sample.numberOfFrames) continue;
      const at = Math.max(sample.timestamp, 0);
      start ??= at;
      const gap = at - Math.max(expected, start);
      if (gap > gapTolerance) {
        checkDuration(at - start, limits);
        for (let left = Math.round(gap * rate); left > 0; left -= silencePiece)
          yield counted(resampler.push(new Float32Array(Math.min(left, silencePiece))));
      }
      expected = Math.max(expected, at + (sample.numberOfFrames - skipped) / rate);
      yield counted(resampler.push(mixdown(sample, skipped)));
    } finally {
      sample.close();
    }
  }
  if (resampler) yield counted(resampler.flush());
  if (produced === 0) throw badAudio("The audio file has no samples: it is empty or cut short.");
  const end = declared === undefined ? 0 : declared - (start ?? 0);
  if (end - produced / sampleRate > lengthTolerance + 0.01 * end)
    throw badAudio(
      `The audio file is cut short: it ends after ${(produced / sampleRate).toFixed(1)} of ${end.toFixed(1)} seconds.`,
    );
}

/** The mean of all channels, from a frame on. */
function mixdown(sample: AudioSample, firstFrame: number): Float32Array {
  const { numberOfChannels } = sample;
  const frames = sample.numberOfFrames - firstFrame;
  const sum = new Float32Array(frames);
  const plane = numberOfChannels === 1 ? sum : new Float32Array(frames);
  for (let channel = 0; channel < numberOfChannels; channel++) {
    sample.copyTo(plane, { planeIndex: channel, format: "f32-planar", frameOffset: firstFrame });
    if (plane !== sum) for (let i = 0; i < frames; i++) sum[i]! += plane[i]! / numberOfChannels;
  }
  // Float files may hold anything; one NaN would spoil all that follows it in a window.
  for (let i = 0; i < frames; i++) if (!Number.isFinite(sum[i])) sum[i] = 0;
  return sum;
}

async function* naming(pieces: AsyncGenerator<Float32Array, void, void>) {
  try {
    yield* pieces;
  } catch (thrown) {
    throw audioError(thrown);
  }
}

/** What a demuxer or decoder throws is about the file. */
function audioError(thrown: unknown): OmniError {
  if (thrown instanceof OmniError) return thrown;
  if (thrown instanceof UnsupportedInputFormatError)
    return badAudio(`The file is in no audio format that is known; ${formatNames} are.`);
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return badAudio(`The audio file is broken or cut short: ${why || "it cannot be decoded"}`);
}
