/** The sizes of a Whisper model, from whisper.cpp's file or from Hugging Face's `config.json`. */

import { badModelFile, unsupportedModel } from "../../errors.ts";
import type { WhisperSizes } from "../../weights/whisperGgml.ts";

export interface WhisperConfig {
  /** V */
  vocab: number;
  /** C: bins of the spectrum. */
  melBins: number;
  /** S: positions of a window; the spectrum has twice as many frames. */
  audioContext: number;
  /** Most tokens of a window. */
  textContext: number;
  /** D, of encoder and decoder. */
  width: number;
  audioHeads: number;
  textHeads: number;
  audioLayers: number;
  textLayers: number;
  /** F of the encoder, and of the decoder. */
  audioFeedForward: number;
  textFeedForward: number;
  /** Decoder layers and heads whose attention follows the words; undefined where the model does not say. */
  alignmentHeads: readonly (readonly [layer: number, head: number])[] | undefined;
}

/** @throws OmniError `unsupported_model` naming what does not fit */
export function configOfSizes(sizes: WhisperSizes): WhisperConfig {
  if (sizes.audioWidth !== sizes.textWidth)
    throw unsupportedModel(
      `The encoder is ${sizes.audioWidth} wide and the decoder ${sizes.textWidth}; they should be alike.`,
    );
  return checked({
    ...{ vocab: sizes.vocab, melBins: sizes.melBins, width: sizes.textWidth },
    ...{ audioContext: sizes.audioContext, textContext: sizes.textContext },
    ...{ audioHeads: sizes.audioHeads, textHeads: sizes.textHeads },
    ...{ audioLayers: sizes.audioLayers, textLayers: sizes.textLayers },
    ...{ audioFeedForward: 4 * sizes.textWidth, textFeedForward: 4 * sizes.textWidth },
    alignmentHeads: undefined,
  });
}

/**
 * @param config `config.json`
 * @param generation `generation_config.json`, where there is one: it may name the heads that align words
 * @throws OmniError `unsupported_model` (another kind of model), `bad_model_file` (names the key)
 */
export function configOfJson(config: unknown, generation: unknown): WhisperConfig {
  const json = object(config, "config.json");
  const { model_type: kind } = json;
  if (kind !== "whisper")
    throw unsupportedModel(
      `config.json says that the model is of the kind ${JSON.stringify(kind)}; of safetensors files, "whisper" is supported.`,
      "model_type",
    );
  const size = (key: string, limit: number) => {
    const value = json[key];
    if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= limit) return value;
    throw badModelFile(
      `config.json: ${key} is ${JSON.stringify(value)}; expected a whole number from 1 to ${limit}.`,
      key,
    );
  };
  return checked({
    vocab: size("vocab_size", 1_000_000),
    melBins: size("num_mel_bins", 1024),
    audioContext: size("max_source_positions", 65_536),
    textContext: size("max_target_positions", 65_536),
    width: size("d_model", 16_384),
    audioHeads: size("encoder_attention_heads", 1024),
    textHeads: size("decoder_attention_heads", 1024),
    audioLayers: size("encoder_layers", 1024),
    textLayers: size("decoder_layers", 1024),
    audioFeedForward: size("encoder_ffn_dim", 65_536),
    textFeedForward: size("decoder_ffn_dim", 65_536),
    alignmentHeads: pairs(generation),
  });
}

function checked(config: WhisperConfig): WhisperConfig {
  const { width, audioHeads, textHeads, melBins, textLayers, textContext } = config;
  for (const [heads, key] of [
    [audioHeads, "encoder's heads"],
    [textHeads, "decoder's heads"],
  ] as const)
    if (width % heads !== 0 || (width / heads) % 4 !== 0 || width / heads < 8 || width / heads > 256)
      throw unsupportedModel(
        `A width of ${width} does not divide into ${heads} heads of 8 to 256 (the ${key}).`,
      );
  if (melBins % 8 !== 0) throw unsupportedModel(`${melBins} mel bins are no multiple of 8.`);
  if (textContext < 16)
    throw unsupportedModel(`A context of ${textContext} tokens is too short to transcribe.`);
  const { alignmentHeads } = config;
  if (alignmentHeads?.some(([layer, head]) => layer >= textLayers || head >= textHeads))
    throw badModelFile(
      "generation_config.json: alignment_heads names heads that the model has not.",
      "alignment_heads",
    );
  return config;
}

function pairs(generation: unknown): WhisperConfig["alignmentHeads"] {
  if (generation === undefined) return undefined;
  const { alignment_heads: heads } = object(generation, "generation_config.json");
  if (heads === undefined || heads === null) return undefined;
  const isIndex = (value: unknown) => typeof value === "number" && Number.isInteger(value) && value >= 0;
  if (
    !Array.isArray(heads) ||
    !heads.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isIndex))
  )
    throw badModelFile("generation_config.json: alignment_heads is no list of pairs.", "alignment_heads");
  return heads.length > 0 ? (heads as [number, number][]) : undefined;
}

function object(value: unknown, fileName: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw badModelFile(`${fileName} is not a JSON object.`, fileName);
}

/** Heads whose attention follows the words; where a model does not say, those of the upper half of its layers, as in openai/whisper. */
export function alignmentHeads(config: WhisperConfig): readonly (readonly [layer: number, head: number])[] {
  const { textLayers, textHeads } = config;
  if (config.alignmentHeads) return config.alignmentHeads;
  const first = textLayers >> 1;
  return Array.from({ length: (textLayers - first) * textHeads }, (_, i) => [
    first + Math.floor(i / textHeads),
    i % textHeads,
  ]);
}
