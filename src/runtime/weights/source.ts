/** Opens whatever a user names as a model. */

import { invalidRequest } from "../errors.ts";
import { BlobSource } from "./blobSource.ts";
import { type HttpOptions, HttpSource } from "./httpSource.ts";
import type { ByteSource } from "./types.ts";

export interface SourceOptions extends HttpOptions {
  /** What relative URLs are relative to. Default: the page's (or worker's) own address. */
  baseUrl?: string | URL;
}

/**
 * A source of bytes for a URL, a Hugging Face reference `hf:owner/repo[@revision]/path/file.gguf` or a Blob. Nothing is
 * fetched yet.
 * @throws OmniError `invalid_request` where the model is none of these
 */
export function openSource(model: string | URL | Blob, options: SourceOptions = {}): ByteSource {
  if (model instanceof Blob) return new BlobSource(model);
  const text = String(model);
  if (text.startsWith("hf:")) return new HttpSource(new URL(huggingFaceUrl(text)), options);
  let url: URL;
  try {
    url = new URL(text, options.baseUrl ?? globalThis.location?.href);
  } catch {
    throw invalidRequest(`${JSON.stringify(text)} is not a URL.`, "model");
  }
  if (!["http:", "https:", "blob:"].includes(url.protocol))
    throw invalidRequest(`Models come from http, https or blob URLs, not ${url.protocol}.`, "model");
  return new HttpSource(url, options);
}

/**
 * The download address of `hf:owner/repo[@revision]/path/file.gguf`; the revision is a branch, tag or commit
 * (default `main`). Source: the Hub's `resolve` route, huggingface.co/docs/hub/models-downloading.
 */
export function huggingFaceUrl(reference: string): string {
  const match = /^hf:([\w.-]+)\/([\w.-]+)(?:@([\w.%-]+))?\/(.+)$/.exec(reference);
  const path = match?.[4]?.split("/") ?? [];
  const names = [match?.[1], match?.[2], ...path];
  if (!match || names.some((part) => part === "" || /^\.\.?$/.test(part ?? "")))
    throw invalidRequest(
      `${JSON.stringify(reference)} does not have the form hf:owner/repo/file.gguf or hf:owner/repo@revision/file.gguf.`,
      "model",
    );
  const [, owner, repo, revision = "main"] = match;
  return `https://huggingface.co/${owner}/${repo}/resolve/${revision}/${path.map(encodeURIComponent).join("/")}`;
}
