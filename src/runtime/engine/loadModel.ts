/** Loads whatever a model file holds, told by its content: a model that writes, or one that hears. */

import { invalidRequest } from "../errors.ts";
import { fileKind, sniffedBytes } from "../weights/fileKind.ts";
import { SourceReader } from "../weights/reader.ts";
import { openSource } from "../weights/source.ts";
import { type LoadedEngine, type LoadOptions, loadEngine } from "./load.ts";
import type { LoadedTranscriber } from "./speech/loadTranscriber.ts";

export type LoadedModel = LoadedEngine | LoadedTranscriber;

export interface LoadModelOptions extends Omit<LoadOptions, "model"> {
  model: LoadOptions["model"] | readonly File[];
}

/**
 * What only speech needs is loaded with a model for it.
 * @throws OmniError as `loadEngine` and `loadTranscriber`
 */
export async function loadModel({ model, ...options }: LoadModelOptions): Promise<LoadedModel> {
  const files = Array.isArray(model) ? (model as readonly File[]) : [];
  // Named so by llama.cpp's converter; what it really is shows in its header.
  const projectors = files.filter(({ name }) => /mmproj.*\.gguf$/i.test(name));
  const others = files.filter((file) => !projectors.includes(file));
  if (projectors.length === 1 && others.length > 0 && options.projector === undefined)
    return loadModel({ ...options, model: others, projector: projectors[0]! });
  const main = files.length > 0 ? modelFile(files) : (model as LoadOptions["model"]);
  const reader = new SourceReader(openSource(main), options.signal);
  const head = new Uint8Array(sniffedBytes);
  let count: number;
  try {
    count = await reader.read(head);
  } catch (error) {
    await reader.close();
    throw error;
  }
  const read = head.subarray(0, count);
  const kind = fileKind(read);
  if (read.length > 0) reader.unread(read);
  if (kind === "gguf") return loadEngine({ ...options, model: main }, reader);
  const { loadTranscriber } = await import("./speech/loadTranscriber.ts");
  return loadTranscriber({ ...options, model: main }, { reader, kind, files });
}

/** Of several files the one with the weights. */
function modelFile(files: readonly File[]): File {
  const found = files.filter(({ name }) => !/\.(json|txt)$/i.test(name));
  if (found.length === 1) return found[0]!;
  const names = found.map(({ name }) => name).join(", ");
  throw invalidRequest(
    found.length === 0
      ? "Of the files for 'model' none is a model."
      : `Of the files for 'model' only one may be a model; these are: ${names}.`,
    "model",
  );
}
