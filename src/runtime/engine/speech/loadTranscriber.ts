/** Opens a Whisper model: whisper.cpp's file, or safetensors with the files beside it. */

import { OmniError, unsupportedModel } from "../../errors.ts";
import { type Gpu, openGpu } from "../../gpu/device.ts";
import { configOfJson, configOfSizes, type WhisperConfig } from "../../models/whisper/config.ts";
import { openAiNames, whisperRequests, whisperWeights } from "../../models/whisper/weights.ts";
import { ordinaryTokens } from "../../text/tokenizerJson.ts";
import { type WhisperTokens, whisperTokens } from "../../text/whisperTokens.ts";
import type { FileKind } from "../../weights/fileKind.ts";
import { loadWeights } from "../../weights/load.ts";
import { SourceReader } from "../../weights/reader.ts";
import { readSafetensorsHeader } from "../../weights/safetensors.ts";
import { readSibling, requireSibling } from "../../weights/sibling.ts";
import type { TensorTable } from "../../weights/types.ts";
import { readWhisperGgml } from "../../weights/whisperGgml.ts";
import { census, type LoadOptions, type LoadProgress, schedulerLimits } from "../load.ts";
import { withinMemory } from "../loadRunner.ts";
import { WhisperTranscriber } from "./transcriber.ts";
import type { Transcriber } from "./types.ts";
import { WhisperRunner } from "./whisperRunner.ts";

export interface LoadedTranscriber {
  transcriber: Transcriber;
  load: { elapsedMs: number; bytes: number };
  /** Resolves with the reason when the GPU device is gone. */
  lost: Promise<string>;
}

/** A file whose first bytes have been looked at. */
export interface OpenedFile {
  /** At the start of the file; closed in any case. */
  reader: SourceReader;
  kind: FileKind;
  /** What was picked together with the model. */
  files: readonly File[];
}

/** All that a file says before its weights. */
interface Opened {
  table: TensorTable;
  config: WhisperConfig;
  tokens: WhisperTokens;
  /** Before the first tensor that is read. */
  reader: SourceReader;
}

/**
 * Loads a model and compiles its kernels. Of the options, those of the KV cache and of tuning do not concern it.
 * @throws OmniError `unsupported_adapter`, `bad_model_file`, `unsupported_model`, `download_failed`, `out_of_memory`,
 *   `aborted`, `invalid_request` (an option); nothing stays allocated then
 */
export async function loadTranscriber(options: LoadOptions, file: OpenedFile): Promise<LoadedTranscriber> {
  const start = performance.now();
  const report = (phase: LoadProgress["phase"], loadedBytes = 0, totalBytes = 0) =>
    options.onProgress?.({ phase, loadedBytes, totalBytes, elapsedMs: performance.now() - start });
  const { signal } = options;
  let gpu: Gpu | undefined;
  let { reader } = file;
  const { source } = reader;
  try {
    report("header");
    const { maxQueued } = schedulerLimits(options.scheduler);
    gpu = await openGpu(options.adapter);
    const opened = await open(options, file);
    reader = opened.reader;
    const { config, tokens, table } = opened;
    const device = gpu;
    let runner: WhisperRunner | undefined;
    let compiled: Promise<void> | undefined;
    let loadedBytes = 0;
    const weights = await loadWeights({
      header: table,
      reader,
      requests: whisperRequests(config),
      device: gpu.device,
      limits: { maxBindingBytes: gpu.maxBindingBytes, maxBufferBytes: gpu.maxBufferBytes },
      signal,
      onProgress: (loaded, total) => {
        loadedBytes = loaded;
        report(loaded < total ? "weights" : "compile", loaded, source.sizeBytes ?? total);
      },
      onAllocated: async (allocated) => {
        const names = whisperWeights(config, allocated);
        runner = await withinMemory(
          device,
          () => new WhisperRunner(device, config, names),
          `The GPU has no room for activations beside ${allocated.sizeBytes} bytes of weights.`,
          "model",
        );
        compiled = runner.compile();
        compiled.catch(() => undefined); // awaited below, once the weights are there
      },
    });
    await compiled;
    if (signal?.aborted) throw new OmniError("aborted", "Loading the model was cancelled.");
    const transcriber = new WhisperTranscriber({
      ...{ gpu, runner: runner!, tokens, maxQueued },
      modelId: options.modelId ?? modelName(options.model, source.name),
      weights: { ...weights, ...census(table) },
    });
    const elapsedMs = performance.now() - start;
    report("ready", loadedBytes, loadedBytes);
    return { transcriber, load: { elapsedMs, bytes: loadedBytes }, lost: gpu.lost };
  } catch (error) {
    // Frees every buffer of the device at once.
    gpu?.device.destroy();
    throw OmniError.from(error);
  } finally {
    await reader.close();
  }
}

function open(options: LoadOptions, file: OpenedFile): Promise<Opened> {
  return file.kind === "whisper.cpp" ? openWhisperCpp(file, options.signal) : openSafetensors(options, file);
}

async function openWhisperCpp({ reader }: OpenedFile, signal: AbortSignal | undefined): Promise<Opened> {
  const { source } = reader;
  await reader.close();
  const table = await readWhisperGgml(source, signal);
  const config = configOfSizes(table.sizes);
  return {
    ...{ table, config, tokens: whisperTokens(table.tokens, config.vocab) },
    reader: new SourceReader(source, signal, source.seekable ? table.tensors[0]!.offsetBytes : 0),
  };
}

async function openSafetensors(
  { model, signal }: LoadOptions,
  { reader, files }: OpenedFile,
): Promise<Opened> {
  const siblings = { model, files, signal };
  const [configJson] = await requireSibling(siblings, "config.json");
  const config = configOfJson(configJson, await readSibling(siblings, "generation_config.json"));
  const tokenizer = await requireSibling(siblings, "tokenizer.json", "vocab.json");
  const tokens = whisperTokens(ordinaryTokens(...tokenizer), config.vocab);
  const header = await readSafetensorsHeader(reader);
  const tensors = openAiNames(header.tensors);
  if (!tensors.some(({ name }) => name === "decoder.token_embedding.weight"))
    throw unsupportedModel(
      "The file has no tensors of a Whisper model.",
      "model.decoder.embed_tokens.weight",
    );
  return { table: { ...header, tensors }, config, tokens, reader };
}

/** The file's name; where files of all models are called alike, that of the folder or repository that it is in. */
function modelName(model: LoadOptions["model"], fileName: string): string {
  const name = fileName.replace(/\.(bin|safetensors)$/i, "");
  if (name !== "model" || model instanceof Blob) return name;
  const address = String(model).replace(/[?#].*$/, "");
  const found =
    /^hf:[^/]+\/([^/@]+)/.exec(address) ??
    /([^/]+)\/resolve\//.exec(address) ??
    /^https?:\/\/[^/]+\/(?:.*\/)?([^/]+)\/[^/]*$/.exec(address);
  return found?.[1] ?? name;
}
