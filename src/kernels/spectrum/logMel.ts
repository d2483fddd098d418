/** Log-mel spectrograms as Whisper has them, from samples to features without a readback. */

import type { Recording } from "../../runtime/gpu/recording.ts";
import type { Tensor } from "../../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectShape, expectSize } from "../checks.ts";
import { constSource, type RowCount, rolledSource, rowConstants, rowsOf, stepSource } from "../prelude.ts";
import wgsl from "./logMel.wgsl?raw";
import rangeWgsl from "./logMelRange.wgsl?raw";
import { melFilters } from "./melFilters.ts";

export interface LogMelSpec {
  /** Hz. */
  sampleRate: number;
  /** Samples of a frame; even, up to 512, with a divisor near its root. */
  frameSize: number;
  /** Samples from frame to frame. */
  hopSize: number;
  /** M: a multiple of 4, up to 256. */
  mels: number;
}

/** Whisper's: 25 ms every 10 ms. Source: Radford et al. 2022, arXiv:2212.04356, and the audio.py of its code. */
export function whisperSpec(mels: number): LogMelSpec {
  return { sampleRate: 16000, frameSize: 400, hopSize: 160, mels };
}

/** Frames that a workgroup transforms: one set of tables serves both. */
const groupFrames = 2;

/** How the numbers in {@link logMelTables} lie. */
function tableLayout({ frameSize, mels }: LogMelSpec) {
  const windowStart = 2 * frameSize;
  const rangesStart = windowStart + frameSize;
  return { windowStart, rangesStart, weightsStart: rangesStart + 3 * mels };
}

/**
 * What the kernel reads besides samples: (cos, sin) of each frameSize-th of a turn, the periodic Hann window, and for each mel
 * filter its first bin, how many bins it has, and where their weights start, which follow.
 */
export function logMelTables(spec: LogMelSpec): Float32Array<ArrayBuffer> {
  const { frameSize, mels } = spec;
  const bins = frameSize / 2 + 1;
  const filters = melFilters(spec);
  const { windowStart, rangesStart, weightsStart } = tableLayout(spec);
  const angles = Array.from({ length: frameSize }, (_, i) => (2 * Math.PI * i) / frameSize);
  const weights: number[] = [];
  const ranges = Array.from({ length: mels }, (_, m) => {
    const filter = filters.subarray(m * bins, (m + 1) * bins);
    const first = Math.max(
      0,
      filter.findIndex((weight) => weight > 0),
    );
    const end = filter.findLastIndex((weight) => weight > 0) + 1;
    const range = [first, Math.max(0, end - first), weightsStart + weights.length];
    weights.push(...filter.subarray(first, end));
    return range;
  });
  const tables = new Float32Array(weightsStart + weights.length);
  tables.set(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)]));
  tables.set(
    angles.map((angle) => (1 - Math.cos(angle)) / 2),
    windowStart,
  );
  tables.set(ranges.flat(), rangesStart);
  tables.set(weights, weightsStart);
  return tables;
}

/** Shape of `largest` for so many frames. */
export function logMelLargestShape(frames: number): [number] {
  return [Math.ceil(frames / groupFrames)];
}

export interface LogMelArgs {
  /** At least T · hopSize samples from -1 to 1; what is shorter is followed by zeros. */
  samples: Tensor; // f32
  spec: LogMelSpec;
  /** {@link logMelTables} of the spec. */
  tables: Tensor; // f32
  /** Room for the largest value of each workgroup; see {@link logMelLargestShape}. */
  largest: Tensor; // f32
  out: Tensor; // (T, M) f32
  /** T: frames. */
  rows: RowCount;
}

/**
 * out[t, m] = (max(l, max over all l - 8) + 4) / 4 with l = log10(max(1e-10, filter m of the power spectrum of frame t)).
 * Frame t is samples t · hopSize - frameSize / 2 … of the T · hopSize there are, mirrored at both ends (more than frameSize / 2
 * of them), times a periodic Hann window. Two dispatches.
 * Source: Radford et al. 2022, arXiv:2212.04356, and the audio.py of its code.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function logMel(rec: Recording, args: LogMelArgs, label: string): void {
  const { samples, spec, tables, largest, out, rows } = args;
  const { frameSize, hopSize, mels } = spec;
  const place = `logMel ${label}`;
  const maxRows = rowsOf(rows, rec.maxStep);
  expectSize(place, "frameSize", frameSize, 4, 512);
  expectSize(place, "hopSize", hopSize, 1);
  expectSize(place, "mels", mels, 4, 256);
  expectKernel(frameSize % 2 === 0, place, `frameSize is ${frameSize} and should be even.`);
  expectKernel(mels % 4 === 0, place, `mels is ${mels} and should be a multiple of 4.`);
  const count = samples.shape.reduce((a, b) => a * b, 1);
  expectKernel(
    samples.dtype === "f32" && count >= maxRows * hopSize,
    place,
    `samples is ${samples.dtype} (${samples.shape.join(", ")}) and should be f32 (${maxRows * hopSize} or more).`,
  );
  const layout = tableLayout(spec);
  expectKernel(
    tables.dtype === "f32" && tables.shape.length === 1 && tables.shape[0]! >= layout.weightsStart,
    place,
    `tables is ${tables.dtype} (${tables.shape.join(", ")}) and should be f32 (${layout.weightsStart} or more).`,
  );
  expectShape(place, "largest", largest, "f32", logMelLargestShape(maxRows));
  expectRows(rec, place, "out", out, "f32", rows, mels);
  const radix = mostEqualDivisor(frameSize);
  const sizes = { frameSize, hopSize, mels, radix, groupFrames };
  const groups = (step: Recording["maxStep"]) => Math.ceil(rowsOf(rows, step) / groupFrames);
  const step = [stepSource(0), rolledSource(rec.gpu.software)];
  const constants = rowConstants(rows);
  rec.dispatch({
    label: place,
    source: [constSource({ ...sizes, ...layout, threads: 64 }), ...step, wgsl].join(""),
    constants,
    bindings: [rec.step, samples, tables, largest, out],
    workgroups: (step) => [groups(step)],
  });
  const quadsEach = 4;
  rec.dispatch({
    label: `logMelRange ${label}`,
    source: [
      constSource({ groupFrames, rowQuads: mels / 4, quadsEach, threads: 64 }),
      ...step,
      rangeWgsl,
    ].join(""),
    constants,
    bindings: [rec.step, largest, out],
    workgroups: (step) => [Math.ceil((rowsOf(rows, step) * mels) / 4 / quadsEach / 64)],
  });
}

/** The largest even divisor up to the square root of an even number, or 2. */
function mostEqualDivisor(count: number): number {
  let divisor = Math.max(2, 2 * Math.floor(Math.sqrt(count) / 2));
  while (count % divisor !== 0) divisor -= 2;
  return divisor;
}
