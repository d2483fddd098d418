/** Files beside a model: `config.json` and the like, by URL or among files that were picked together. */

import { badModelFile, invalidRequest, OmniError } from "../errors.ts";
import { SourceReader } from "./reader.ts";
import { openSource } from "./source.ts";
import type { ByteSource } from "./types.ts";

/** The largest vocabularies take some 20 MB. */
const maxBytes = 64 * 2 ** 20;

export interface Siblings {
  model: string | URL | Blob;
  /** What was picked together with the model. */
  files: readonly File[];
  signal?: AbortSignal | undefined;
}

/**
 * The JSON in the file of that name beside the model; undefined where there is none.
 * @throws OmniError `bad_model_file` (no JSON, too large), `aborted`, and what the source throws
 */
export async function readSibling(siblings: Siblings, name: string): Promise<unknown> {
  const source = siblingSource(siblings, name);
  if (!source) return undefined;
  let text: string;
  try {
    text = await readText(source, siblings.signal);
  } catch (error) {
    if (error instanceof OmniError && error.code === "download_failed" && /status 404/.test(error.message))
      return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw badModelFile(`${name} is not valid JSON: ${why}`, name, cause);
  }
}

/** @throws OmniError `invalid_request` where one has to be given, `bad_model_file` where the server has none */
export async function requireSibling(
  siblings: Siblings,
  ...names: [string, ...string[]]
): Promise<[unknown, string]> {
  for (const name of names) {
    const json = await readSibling(siblings, name);
    if (json !== undefined) return [json, name];
  }
  const wanted = names.join(" or ");
  if (siblings.model instanceof Blob)
    throw invalidRequest(
      `A safetensors model needs ${wanted}: give it together with the model, as 'model: [file, …]'.`,
      "model",
    );
  throw badModelFile(`There is no ${wanted} beside the model.`, names[0]);
}

function siblingSource({ model, files }: Siblings, name: string): ByteSource | undefined {
  if (model instanceof Blob) {
    const file = files.find((candidate) => candidate.name === name);
    return file && openSource(file);
  }
  const text = String(model);
  if (text.startsWith("hf:")) return openSource(text.replace(/[^/]+$/, name));
  const url = new URL(text, globalThis.location?.href);
  if (url.protocol === "blob:") return undefined;
  url.pathname = url.pathname.replace(/[^/]*$/, name);
  return openSource(url);
}

async function readText(source: ByteSource, signal: AbortSignal | undefined): Promise<string> {
  const reader = new SourceReader(source, signal);
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (let piece = await reader.next(); piece; piece = await reader.next()) {
      if (reader.offsetBytes > maxBytes)
        throw badModelFile(`${source.name} is larger than ${maxBytes} bytes.`, source.name);
      text += decoder.decode(piece, { stream: true });
    }
    return text + decoder.decode();
  } finally {
    await reader.close();
  }
}
