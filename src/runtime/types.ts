/** The public surface of the package, shared by `client.ts` and `worker.ts`. */

import type { EngineStats } from "./engine/types.ts";
import type { AdapterOptions } from "./gpu/device.ts";

export type { AdapterOptions };

/** A model: a URL, a Hugging Face reference `hf:owner/repo/file.gguf`, or a file the user picked. */
export type ModelSource = string | URL | Blob;

export interface LoadProgress {
  /** What is happening: reading the header, weights on their way, pipelines being compiled, done. */
  phase: "header" | "weights" | "compile" | "ready";
  loadedBytes: number;
  /** 0 while unknown. */
  totalBytes: number;
  elapsedMs: number;
}

export interface OmniOptions {
  model: ModelSource;
  /** The name under which `/v1/models` lists it. Default: the file's `general.name` or file name. */
  modelId?: string;
  adapter?: AdapterOptions;
  /** KV cache: positions to hold (default: the model's context, at most 8,192) and storage type (default f16). */
  kvCache?: { contextLength?: number; type?: "f32" | "f16" };
  onProgress?: (progress: LoadProgress) => void;
  signal?: AbortSignal;
  /** An own worker that imports `omnitab/worker`, or `false` to run in the calling thread. Default: starts one. */
  worker?: Worker | false;
}

export interface OmniStats extends EngineStats {
  load: { elapsedMs: number; bytes: number };
}

export interface Omni extends AsyncDisposable {
  /** OpenAI's HTTP surface, answered in this tab: pass it as the `fetch` of any OpenAI client. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  stats(): Promise<OmniStats>;
  /** Resolves when the GPU device is gone, with the reason. */
  readonly lost: Promise<string>;
  dispose(): Promise<void>;
}
