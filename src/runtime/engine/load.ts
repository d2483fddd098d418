/** Opens a model: adapter, header, weights and pipelines, in one pass over the file. */

import { type KvCacheType, kvCacheTypes, kvPositionBytes } from "../../kernels/kvCache.ts";
import { badModelFile, invalidRequest, OmniError } from "../errors.ts";
import { type AdapterOptions, type Gpu, openGpu } from "../gpu/device.ts";
import { modelConfig } from "../models/architectures.ts";
import type { DecoderConfig } from "../models/config.ts";
import { createChatTemplate } from "../text/chatTemplate.ts";
import { createTokenizer } from "../text/tokenizer.ts";
import type { ChatTemplate } from "../text/types.ts";
import { readGgufHeader } from "../weights/gguf.ts";
import { SourceReader } from "../weights/reader.ts";
import { openSource } from "../weights/source.ts";
import type { GgufHeader, TensorTable } from "../weights/types.ts";
import { DecoderEngine, type EngineParts } from "./engine.ts";
import { hex } from "./hex.ts";
import { loadRunner } from "./loadRunner.ts";
import type { OpenedProjector } from "./media/loadProjector.ts";
import { pageSize } from "./modelRunner.ts";
import { type TunerOptions, variantsOf } from "./tuner.ts";
import { type Engine, maxTopLogprobs } from "./types.ts";

export interface LoadProgress {
  /** What is happening: reading the header, weights on their way, pipelines being compiled, done. */
  phase: "header" | "weights" | "compile" | "ready";
  loadedBytes: number;
  /** 0 while unknown. */
  totalBytes: number;
  elapsedMs: number;
}

export interface KvCacheOptions {
  /** Most positions of a conversation. Default: what the model was trained for, at most 8,192. */
  contextLength?: number;
  /** Positions that all conversations hold together, at least `contextLength`, which is the default. */
  capacity?: number;
  /**
   * How keys and values are stored: floats, or signed bytes with a scale for 32 of them (heads of a multiple of 32).
   * @default "f16"
   */
  type?: KvCacheType;
  /**
   * Keeps what ended conversations computed in the origin private file system, so that they go on after a reload
   * without computing their history. `maxBytes`: how much of it, by default 1 GiB. Text that users wrote lies there in
   * the clear, as keys, values and token ids. @default false
   */
  persist?: boolean | { maxBytes?: number };
}

export interface SchedulerLimits {
  /** Requests that are computed at once. @default 16 */
  maxRunning?: number;
  /** Requests that may wait for that; one more gets a 429. @default 256 */
  maxQueued?: number;
}

export interface LoadOptions {
  model: string | URL | Blob;
  /** What makes the model see or hear: a projector file (`mmproj`) for it. */
  projector?: string | URL | Blob;
  /** The name under which the model is listed. Default: the file's `general.name`, else its file name. */
  modelId?: string;
  adapter?: AdapterOptions;
  kvCache?: KvCacheOptions;
  scheduler?: SchedulerLimits;
  /** @default true, but false on software adapters */
  tuning?: boolean;
  /** How tuning measures; for tests. */
  tuner?: TunerOptions;
  onProgress?: (progress: LoadProgress) => void;
  signal?: AbortSignal;
}

export interface LoadedEngine {
  engine: Engine;
  chatTemplate: ChatTemplate;
  load: { elapsedMs: number; bytes: number };
  /** Resolves with the reason when the GPU device is gone. */
  lost: Promise<string>;
}

/** Most prompt tokens in one step; how many it really takes follows the speed. */
const chunkTokens = 256;
const defaultContextLength = 8192;
const defaultPersistBytes = 2 ** 30;

/**
 * Loads a model and compiles its kernels.
 * @param opened the start of the file, where that has been looked at; closed in any case
 * @throws OmniError `unsupported_adapter`, `bad_model_file`, `unsupported_model`, `download_failed`, `out_of_memory`,
 *   `aborted`, `invalid_request` (an option); nothing stays allocated then
 */
export async function loadEngine(options: LoadOptions, opened?: SourceReader): Promise<LoadedEngine> {
  const start = performance.now();
  const report = (phase: LoadProgress["phase"], loadedBytes = 0, totalBytes = 0) =>
    options.onProgress?.({ phase, loadedBytes, totalBytes, elapsedMs: performance.now() - start });
  const reader = opened ?? new SourceReader(openSource(options.model), options.signal);
  const { source } = reader;
  let gpu: Gpu | undefined;
  let projector: OpenedProjector | undefined;
  try {
    report("header");
    const tuning = booleanOption(options.tuning, "tuning");
    gpu = await openGpu(options.adapter);
    // Software adapters are for tests, which want the same kernels each time, and share their time with all else.
    const tunes = tuning ?? !gpu.software;
    const remembered = tunes ? gpu.tuning.load() : undefined;
    const header = await readGgufHeader(reader);
    const config = modelConfig(header);
    const cacheType = kvCacheType(config, options.kvCache);
    const { contextLength, capacity } = cacheSizes(gpu, config, cacheType, options.kvCache);
    const limits = schedulerLimits(options.scheduler);
    const persistBytes = persistLimit(options.kvCache);
    const persistence = persistBytes > 0 ? await import("./cachePersistence.ts") : undefined;
    const weightSum = persistence && new persistence.Checksum();
    const tokenizer = createTokenizer(header.metadata);
    if (tokenizer.vocabSize !== config.vocab)
      throw badModelFile(
        `The file lists ${tokenizer.vocabSize} tokens but token_embd.weight has ${config.vocab} rows.`,
        "tokenizer.ggml.tokens",
      );
    const chatTemplate = createChatTemplate(templateSource(header), tokenizer);
    if (options.projector !== undefined) {
      const { openProjector } = await import("./media/loadProjector.ts");
      projector = await openProjector(
        options.projector,
        config.width,
        options.signal,
        config.deepstackLayers,
      );
    }
    const projectorBytes = projector?.sizeBytes ?? 0;

    await remembered;
    let loadedBytes = 0;
    const { runner, weights } = await loadRunner({
      gpu,
      header,
      config,
      reader,
      contextLength,
      capacity,
      maxRunning: limits.maxRunning,
      maxTopLogprobs,
      cacheType,
      chunkTokens,
      // No prompt has more.
      mediaRows: projector ? contextLength : 0,
      signal: options.signal,
      onBytes: weightSum && ((bytes) => weightSum.add(bytes)),
      onProgress: (loaded, total) => {
        loadedBytes = loaded;
        const whole = (source.sizeBytes ?? total) + projectorBytes;
        report(loaded < total || projector ? "weights" : "compile", loaded, whole);
      },
    });
    const media = await projector?.load({
      ...{ gpu, rows: runner.media!, signal: options.signal },
      onProgress: (loaded, total) => {
        const whole = loadedBytes + (projector!.sizeBytes ?? total);
        report(loaded < total ? "weights" : "compile", loadedBytes + loaded, whole);
      },
    });
    loadedBytes += media ? (projector!.sizeBytes ?? 0) : 0;
    if (options.signal?.aborted) throw new OmniError("aborted", "Loading the model was cancelled.");
    const adapter = gpu;
    const { sizeBytes } = source;
    const projectorFacts = projector ? [projector.sizeBytes, ...projector.header.metadata] : [];
    const fingerprintWith = async (facts: readonly unknown[]) =>
      `fp_${(await fingerprint(adapter, header, [sizeBytes, cacheType, ...projectorFacts, ...facts])).slice(0, 16)}`;
    const keptPages = persistence && {
      store: new persistence.PageStore(new persistence.OpfsStore("omnitab-kv-cache"), persistBytes),
      fingerprint: await fingerprint(gpu, header, [...weightSum!.value, cacheType]),
    };
    const engine = new DecoderEngine({
      gpu,
      config,
      runner,
      tokenizer,
      contextLength,
      ...limits,
      fingerprint: await fingerprintWith([variantsOf(runner.tuned)]),
      tuning: tunes
        ? { options: options.tuner ?? {}, fingerprint: (chosen) => fingerprintWith([chosen]) }
        : undefined,
      persistence: keptPages && ((parts) => new persistence!.CachePersistence({ ...parts, ...keptPages })),
      modelId: options.modelId ?? modelName(header, source.name),
      media: media?.encoder,
      weights: allWeights(
        { ...weights, ...census(header) },
        media && { ...media.weights, ...census(projector!.header) },
      ),
    });
    const elapsedMs = performance.now() - start;
    report("ready", loadedBytes, loadedBytes);
    return { engine, chatTemplate, load: { elapsedMs, bytes: loadedBytes }, lost: gpu.lost };
  } catch (error) {
    // Frees every buffer of the device at once.
    gpu?.device.destroy();
    throw OmniError.from(error);
  } finally {
    await reader.close();
    await projector?.close();
  }
}

type CountedWeights = EngineParts["weights"];

function allWeights(model: CountedWeights, projector: CountedWeights | undefined): CountedWeights {
  if (!projector) return model;
  const types = { ...model.types };
  for (const [type, count] of Object.entries(projector.types)) types[type] = (types[type] ?? 0) + count;
  return {
    types,
    sizeBytes: model.sizeBytes + projector.sizeBytes,
    parameters: model.parameters + projector.parameters,
    destroy: () => {
      model.destroy();
      projector.destroy();
    },
  };
}

/** The type of the cache that was asked for. @throws OmniError `invalid_request` where there is none such for the model */
function kvCacheType({ headWidth }: DecoderConfig, { type = "f16" }: KvCacheOptions = {}): KvCacheType {
  if (!kvCacheTypes.includes(type))
    throw invalidRequest(
      `kvCache.type is ${JSON.stringify(type)}; expected one of ${kvCacheTypes.join(", ")}.`,
      "kvCache.type",
    );
  if (type === "q8" && headWidth % 32 !== 0)
    throw invalidRequest(
      `kvCache.type "q8" needs heads of a multiple of 32; this model's are ${headWidth} wide.`,
      "kvCache.type",
    );
  return type;
}

/** Positions of one conversation and of all: what was asked, or the default as far as one binding reaches. */
function cacheSizes(
  gpu: Gpu,
  config: DecoderConfig,
  type: KvCacheType,
  options: KvCacheOptions = {},
): { contextLength: number; capacity: number } {
  const bytesPerPosition = kvPositionBytes({ type, ...config });
  const most = Math.floor(gpu.maxBindingBytes / bytesPerPosition / pageSize) * pageSize;
  const contextLength =
    options.contextLength === undefined
      ? Math.min(config.contextLength, defaultContextLength, most, options.capacity ?? most)
      : wholeNumber(options.contextLength, 1, "kvCache.contextLength");
  if (contextLength > config.contextLength)
    throw invalidRequest(
      `kvCache.contextLength is ${contextLength}; the model was trained for ${config.contextLength} positions.`,
      "kvCache.contextLength",
    );
  const capacity = wholeNumber(options.capacity ?? contextLength, contextLength, "kvCache.capacity");
  if (capacity > most)
    throw new OmniError(
      "unsupported_adapter",
      `A KV cache of ${capacity} positions exceeds the adapter's binding limit of ${gpu.maxBindingBytes} bytes; ${most} fit.`,
      { param: "maxStorageBufferBindingSize" },
    );
  return { contextLength, capacity };
}

export function schedulerLimits({ maxRunning = 16, maxQueued = 256 }: SchedulerLimits = {}) {
  return {
    maxRunning: wholeNumber(maxRunning, 1, "scheduler.maxRunning", 256),
    maxQueued: wholeNumber(maxQueued, 0, "scheduler.maxQueued"),
  };
}

function wholeNumber(value: number, least: number, param: string, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const upTo = most === Number.MAX_SAFE_INTEGER ? "on" : `to ${most}`;
  throw invalidRequest(`${param} is ${value}; expected a whole number from ${least} ${upTo}.`, param);
}

function booleanOption(value: unknown, param: string): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  throw invalidRequest(`${param} is ${JSON.stringify(value)}; expected true or false.`, param);
}

/** Bytes of pages to keep in files. */
function persistLimit({ persist = false }: KvCacheOptions = {}): number {
  if (persist === false) return 0;
  const maxBytes = persist === true ? undefined : persist.maxBytes;
  return wholeNumber(maxBytes ?? defaultPersistBytes, 1, "kvCache.persist.maxBytes");
}

/** Names what numbers depend on: what the file's header says, the adapter, and other facts. 64 hexadecimal digits. */
async function fingerprint(
  gpu: Gpu,
  { metadata, tensors }: GgufHeader,
  others: readonly unknown[],
): Promise<string> {
  const facts = [gpu.name, gpu.f16, gpu.subgroups, others, tensors, [...metadata]];
  const text = JSON.stringify(facts, (_, value) => (typeof value === "bigint" ? String(value) : value));
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

function templateSource({ metadata }: GgufHeader): string | undefined {
  const source = metadata.get("tokenizer.chat_template");
  if (source !== undefined && typeof source !== "string")
    throw badModelFile("tokenizer.chat_template is not a text.", "tokenizer.chat_template");
  return source;
}

function modelName(header: GgufHeader, fileName: string): string {
  const name = header.metadata.get("general.name");
  return typeof name === "string" && name.trim() !== "" ? name.trim() : fileName.replace(/\.gguf$/i, "");
}

/** Parameters in all, and by type. */
export function census({ tensors }: TensorTable): { parameters: number; types: Record<string, number> } {
  const types: Record<string, number> = {};
  let parameters = 0;
  for (const { type, shape } of tensors) {
    const count = shape.reduce((a, b) => a * b, 1);
    parameters += count;
    if (type) types[type] = (types[type] ?? 0) + count;
  }
  return { parameters, types };
}
