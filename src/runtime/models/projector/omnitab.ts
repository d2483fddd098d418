/**
 * `omnitab`: the projector of the embedded model. A small vision transformer, an encoder of short windows of sound, and a
 * fusion block whose learned queries read what they have found. What it is trained to do: see `training/`.
 */

import { badModelFile, unsupportedModel } from "../../errors.ts";
import type { GgufHeader, LoadedWeights, TensorRequest } from "../../weights/types.ts";
import { Keys } from "../config.ts";
import { type FusionWeights, recordFusion } from "../encoder/fusion.ts";
import { layerWeights, linear, rows } from "../encoder/layers.ts";
import {
  type AudioConfig,
  audioRequests,
  audioWeights,
  frameSamples,
  positionFrames,
  recordAudio,
} from "./audio.ts";
import type { ProjectorSpec, PromptPiece } from "./types.ts";
import {
  encoderSizes,
  linearRequests,
  matrixRequest,
  normRequests,
  recordVision,
  vectorRequest,
  visionConfig,
  visionRequests,
  visionWeights,
} from "./vision.ts";

/** Steps of the longest sound: half a minute of 0.64 s. */
const maxSteps = 48;

interface FusionConfig {
  width: number;
  blocks: number;
  heads: number;
  feedForwardWidth: number;
  imageQueries: number;
  audioQueries: number;
  outputWidth: number;
}

export function omnitab(header: GgufHeader): ProjectorSpec {
  const vision = visionConfig(header, "bilinear");
  const audioKeys = new Keys(header.metadata, "clip.audio");
  const own = new Keys(header.metadata, "omnitab");
  const audio: AudioConfig = {
    ...encoderSizes(header, audioKeys, "audio"),
    melBins: audioKeys.size("num_mel_bins", 256),
    firstStride: 2,
    frames: own.size("audio.window", 3000),
  };
  const stepFrames = own.size("audio.step", audio.frames);
  if (audio.width !== vision.width)
    throw badModelFile(
      `The encoders are ${vision.width} and ${audio.width} wide; they should be alike.`,
      "clip.audio.embedding_length",
    );
  if (vision.width % 64 !== 0)
    throw unsupportedModel(
      `A width of ${vision.width} is not supported: multiples of 64 are.`,
      "clip.vision.embedding_length",
    );
  const perPosition = positionFrames(audio);
  if (audio.frames % perPosition !== 0 || stepFrames % perPosition !== 0)
    throw badModelFile(
      `Windows of ${audio.frames} frames that move by ${stepFrames} should be multiples of ${perPosition}.`,
      "omnitab.audio.window",
    );
  const config: FusionConfig = {
    width: vision.width,
    blocks: own.size("fusion.block_count", 32),
    heads: own.size("fusion.head_count", 64),
    feedForwardWidth: own.size("fusion.feed_forward_length", 65_536),
    imageQueries: own.size("fusion.image_queries", 1024),
    audioQueries: own.size("fusion.audio_queries", 1024),
    outputWidth: new Keys(header.metadata, "clip.vision").size("projection_dim", 65_536),
  };
  const patches = vision.side ** 2;
  const positions = audio.frames / perPosition;
  return {
    type: "omnitab",
    outputWidth: config.outputWidth,
    tensors: [
      ...visionRequests(header, vision),
      ...audioRequests(header, audio),
      ...fusionRequests(config, patches, positions),
    ],
    build: (loaded) => {
      const seen = visionWeights(header, vision, loaded);
      const heard = audioWeights(header, audio, loaded);
      const { vector, table, linear: named } = layerWeights(loaded);
      const { width: D } = config;
      const fusion = fusionWeights(config, loaded);
      const projection = named("mm.0");
      const kinds = vector("f.kind.weight");
      const modality = (name: "image" | "audio", index: number) => ({
        positions: table(`f.position.${name}.weight`, D),
        kind: { ...kinds, shape: [D], offsetBytes: kinds.offsetBytes + index * D * 4, sizeBytes: D * 4 },
        rows,
      });
      const { heads, feedForwardWidth, outputWidth } = config;
      const shared = { featureRows: rows, heads, feedForwardWidth, epsilon: vision.epsilon };
      const project = (...[rec, arena, features, name]: Parameters<ProjectFeatures>) => {
        const queries = table(`f.query.${name}.weight`, D);
        const source = { ...modality(name, name === "image" ? 0 : 1), features };
        const fused = recordFusion(rec, fusion, { ...shared, arena, queries, sources: [source] }, name);
        const out = arena.tensor(`${name} rows`, "f32", [queries.shape[0]!, outputWidth]);
        linear(rec, fused, projection, out, `${name} projection`, { rows: { of: "outputs" } });
        return out;
      };
      const frame = (mark: string): PromptPiece[] => [`<|${mark}|>`, 0, `<|/${mark}|>`];
      return {
        image: {
          viewSize: { width: vision.imageSize, height: vision.imageSize },
          rows: config.imageQueries,
          patches,
          plan: () => {
            const resized = { width: vision.imageSize, height: vision.imageSize };
            return { views: [{ resized, left: 0, top: 0 }], pieces: frame("image") };
          },
          video: { framesPerSecond: 2, mostFrames: 8, pieces: () => frame("video") },
          record: (rec, inputs) => [
            project(rec, inputs.arena, recordVision(rec, vision, seen, inputs), "image"),
          ],
        },
        audio: {
          windowSamples: audio.frames * frameSamples,
          stepSamples: stepFrames * frameSamples,
          rows: config.audioQueries,
          positions,
          maxSteps,
          pieces: (steps) => ["<|audio|>", ...Array.from({ length: steps }, (_, i) => i), "<|/audio|>"],
          record: (rec, arena, samples) =>
            project(rec, arena, recordAudio(rec, audio, heard, arena, samples), "audio"),
        },
      };
    },
  };
}

type ProjectFeatures = (
  rec: Parameters<typeof recordFusion>[0],
  arena: Parameters<typeof recordFusion>[2]["arena"],
  features: ReturnType<typeof recordFusion>,
  name: "image" | "audio",
) => ReturnType<typeof recordFusion>;

function fusionRequests(config: FusionConfig, patches: number, positions: number): TensorRequest[] {
  const { width: D, feedForwardWidth: F, imageQueries, audioQueries, outputWidth } = config;
  return [
    vectorRequest("f.kind.weight", 2, D),
    vectorRequest("f.position.image.weight", patches, D),
    vectorRequest("f.position.audio.weight", positions, D),
    vectorRequest("f.query.image.weight", imageQueries, D),
    vectorRequest("f.query.audio.weight", audioQueries, D),
    ...Array.from({ length: config.blocks }, (_, i) => {
      const block = `f.blk.${i}`;
      return [
        ...["ln1", "ln_kv", "ln2"].flatMap((name) => normRequests(`${block}.${name}`, D)),
        ...["attn_q", "attn_k", "attn_v", "attn_out"].flatMap((name) =>
          linearRequests(`${block}.${name}`, D, D),
        ),
        ...linearRequests(`${block}.ffn_up`, F, D),
        ...linearRequests(`${block}.ffn_down`, D, F),
      ];
    }).flat(),
    ...normRequests("f.post_ln", D),
    matrixRequest("mm.0", outputWidth, D),
    vectorRequest("mm.0.bias", outputWidth),
  ];
}

function fusionWeights(config: FusionConfig, loaded: LoadedWeights): FusionWeights {
  const { norm, linear } = layerWeights(loaded);
  return {
    blocks: Array.from({ length: config.blocks }, (_, i) => {
      const block = `f.blk.${i}`;
      return {
        queryNorm: norm(`${block}.ln1`),
        featureNorm: norm(`${block}.ln_kv`),
        q: linear(`${block}.attn_q`),
        k: linear(`${block}.attn_k`),
        v: linear(`${block}.attn_v`),
        out: linear(`${block}.attn_out`),
        feedForward: {
          norm: norm(`${block}.ln2`),
          up: linear(`${block}.ffn_up`),
          down: linear(`${block}.ffn_down`),
        },
      };
    }),
    postNorm: norm("f.post_ln"),
  };
}
