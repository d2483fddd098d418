/**
 * `ultravox`: Whisper's encoder in front of a `llama` model. Windows of half a minute; each few rows of the encoder become one,
 * and a gated layer between two RMSNorms leads to the language model. Source: Fixie's ultravox (ultravox_model.py: stacking,
 * and SwiGLU whose gate is the second half); tensor names and prompts as llama.cpp's mtmd has them.
 */

import { stackRows } from "../../../kernels/encoder/groupRows.ts";
import { rmsNormRows } from "../../../kernels/encoder/rmsNormRows.ts";
import { badModelFile, unsupportedModel } from "../../errors.ts";
import type { BufferArena } from "../../gpu/buffers.ts";
import type { Recording } from "../../gpu/recording.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { GgufHeader, LoadedWeights } from "../../weights/types.ts";
import { Keys } from "../config.ts";
import { layerWeights, linear, rows } from "../encoder/layers.ts";
import { type AudioConfig, audioRequests, audioWeights, frameSamples, recordAudio } from "./audio.ts";
import type { ProjectorSpec } from "./types.ts";
import { encoderSizes, matrixRequest, vectorRequest } from "./vision.ts";

/** Windows of the longest sound: ten minutes. */
const maxSteps = 20;
/** Of both RMSNorms, whatever the file says of the encoder's. */
const normEpsilon = 1e-6;
const firstMatrix = "mm.a.mlp.1";
const positionTable = "a.position_embd.weight";

export function ultravox(header: GgufHeader): ProjectorSpec {
  const keys = new Keys(header.metadata, "clip.audio");
  const sizes = encoderSizes(header, keys, "audio");
  const { width: D } = sizes;
  const stack = keys.size("projector.stack_factor", 64);
  const outputWidth = keys.size("projection_dim", 65_536);
  // Metadata tells neither; Whisper has 1500 positions, and a table of another length makes windows of another.
  const positions = stored(header, positionTable, 1500);
  const gatedWidth = stored(header, `${firstMatrix}.weight`, 65_536);
  const config: AudioConfig = {
    ...sizes,
    activation: "gelu",
    melBins: keys.size("num_mel_bins", 256),
    firstStride: 1,
    frames: 2 * positions,
  };
  if (config.melBins % 8 !== 0)
    throw unsupportedModel(`${config.melBins} mel bins are no multiple of 8.`, "clip.audio.num_mel_bins");
  if (gatedWidth % 8 !== 0)
    throw unsupportedModel(
      `${firstMatrix}.weight has ${gatedWidth} rows, which are no multiple of 8.`,
      `${firstMatrix}.weight`,
    );
  const projector = {
    stack,
    stacked: stack * D,
    gatedWidth,
    outputWidth,
    rows: Math.ceil(positions / stack),
  };
  const windowSamples = config.frames * frameSamples;
  return {
    type: "ultravox",
    outputWidth,
    tensors: [
      ...audioRequests(header, config),
      vectorRequest("mm.a.norm_pre.weight", projector.stacked),
      matrixRequest(firstMatrix, gatedWidth, projector.stacked),
      vectorRequest("mm.a.norm_mid.weight", gatedWidth / 2),
      matrixRequest("mm.a.mlp.2", outputWidth, gatedWidth / 2),
    ],
    build: (loaded) => {
      const weights = audioWeights(header, config, loaded);
      return {
        audio: {
          ...{ windowSamples, stepSamples: windowSamples, positions, maxSteps },
          rows: projector.rows,
          // Nothing stands around a sound, and one that is shorter than its window has silence behind it, whose rows count:
          // so does llama.cpp. It takes the spectrum's largest value over all windows; here each is on its own, as in
          // Fixie's code.
          pieces: (steps) => Array.from({ length: steps }, (_, i) => i),
          record: (rec, arena, samples) => {
            const features = recordAudio(rec, config, weights, arena, samples);
            return recordProjector(rec, arena, features, D, loaded, projector);
          },
        },
      };
    },
  };
}

interface ProjectorSizes {
  /** Rows of the encoder that become one. */
  stack: number;
  /** Width of such a row. */
  stacked: number;
  /** Of value and gate together. */
  gatedWidth: number;
  outputWidth: number;
  /** R */
  rows: number;
}

/** Features (N, D) to rows of the language model. @returns (R, M) */
function recordProjector(
  rec: Recording,
  arena: BufferArena,
  features: Tensor,
  width: number,
  loaded: LoadedWeights,
  { stack, stacked, gatedWidth, outputWidth, rows: R }: ProjectorSizes,
): Tensor {
  const { vector, linear: named } = layerWeights(loaded);
  const tensor = (name: string, columns: number) => arena.tensor(`audio ${name}`, "f32", [R, columns]);
  const outputs = { rows: { of: "outputs" } } as const;
  const wide = tensor("stacked", stacked);
  const normed = tensor("stacked normed", stacked);
  const gated = tensor("gated", gatedWidth);
  const middle = tensor("gated normed", gatedWidth / 2);
  const out = tensor("rows", outputWidth);
  const epsilon = normEpsilon;
  stackRows(rec, { x: features, width, out: wide, rows, count: stack }, "audio");
  const before = { x: wide, weight: vector("mm.a.norm_pre.weight"), epsilon, out: normed, ...outputs };
  rmsNormRows(rec, before, "audio before");
  linear(rec, normed, named(firstMatrix), gated, "audio gated", outputs);
  const between = { x: gated, weight: vector("mm.a.norm_mid.weight"), epsilon, gated: true, out: middle };
  rmsNormRows(rec, { ...between, ...outputs }, "audio between");
  linear(rec, middle, named("mm.a.mlp.2"), out, "audio projection", outputs);
  return out;
}

/** The number of rows of a tensor, from 1 to `limit`. */
function stored(header: GgufHeader, name: string, limit: number): number {
  const count = header.tensors.find((tensor) => tensor.name === name)?.shape[0];
  if (count === undefined) throw badModelFile(`The file lacks the tensor ${name}.`, name);
  if (!Number.isInteger(count) || count < 1 || count > limit)
    throw unsupportedModel(`${name} has ${count} rows; 1 to ${limit} are supported.`, name);
  return count;
}
