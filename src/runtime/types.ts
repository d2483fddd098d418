/** The public surface of the package, shared by `client.ts` and `worker.ts`. */

import type { KvCacheOptions, LoadProgress, SchedulerLimits } from "./engine/load.ts";
import type { EngineStats } from "./engine/types.ts";
import type { AdapterOptions } from "./gpu/device.ts";

export type { AdapterOptions, EngineStats, KvCacheOptions, LoadProgress, SchedulerLimits };

/**
 * A model: a URL, a Hugging Face reference `hf:owner/repo/file.gguf`, or a file the user picked; or several picked files
 * where a model is made of them (`model.safetensors`, `config.json`, `tokenizer.json`; a GGUF file and its `mmproj`). Of a URL or reference to
 * safetensors, the files beside it are loaded by themselves.
 */
export type ModelSource = string | URL | Blob | readonly File[];

export interface OmniOptions {
  model: ModelSource;
  /** A projector file (`mmproj`) for the model: what makes it see or hear. */
  projector?: string | URL | Blob;
  /** The name under which `/v1/models` lists it. Default: the file's `general.name` or file name. */
  modelId?: string;
  adapter?: AdapterOptions;
  kvCache?: KvCacheOptions;
  scheduler?: SchedulerLimits;
  /**
   * Measures variants of kernels on this adapter while nobody asks for anything, uses the fastest, and remembers them in
   * IndexedDB; `false`: the defaults. @default true, but false on software adapters
   */
  tuning?: boolean;
  onProgress?: (progress: LoadProgress) => void;
  signal?: AbortSignal;
  /** An own worker that imports `omnitab/worker`, or `false` to run in the calling thread. Default: starts one. */
  worker?: Worker | false;
}

export interface OmniStats extends EngineStats {
  load: { elapsedMs: number; bytes: number };
}

/** What a loaded model can do. */
export interface Capabilities {
  /** `chat`: it writes (`/v1/chat/completions`); `transcription`: it writes down speech (`/v1/audio/transcriptions`). */
  tasks: readonly ("chat" | "transcription")[];
  /** What it reads, in the parts of a message or as a file. */
  input: readonly ("text" | "image" | "audio" | "video")[];
  output: readonly "text"[];
}

export interface Omni extends AsyncDisposable {
  /** OpenAI's HTTP surface, answered in this tab: pass it as the `fetch` of any OpenAI client. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  readonly capabilities: Capabilities;
  stats(): Promise<OmniStats>;
  /** Resolves when the GPU device is gone, with the reason; never because of `dispose()`. */
  readonly lost: Promise<string>;
  /** Frees the model. What still runs rejects with an OmniError `aborted`. */
  dispose(): Promise<void>;
}
