/** What a URL in a request stands for: `data:` and `blob:` URLs and addresses, as bytes of a bounded number. */

import { invalidRequest, OmniError } from "../errors.ts";

export interface MediaLimits {
  maxBytes: number;
}

/**
 * @param param the field that the URL is in, for errors
 * @throws OmniError `invalid_request`: no such URL, too large, not reachable; `aborted`
 */
export async function fetchMedia(
  url: string,
  param: string,
  { maxBytes }: MediaLimits,
  signal?: AbortSignal,
): Promise<Blob> {
  if (/^data:/i.test(url)) return dataUrl(url, param, maxBytes);
  const shown = url.length > 100 ? `${url.slice(0, 100)}…` : url;
  if (!/^(https?|blob):/i.test(url) || !URL.canParse(url))
    throw invalidRequest(
      `'${param}' is ${JSON.stringify(shown)}; expected a data:, blob: or http(s): URL.`,
      param,
    );
  let response: Response;
  try {
    // Nothing of the user's goes with it.
    response = await fetch(url, {
      signal: signal ?? null,
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
  } catch (thrown) {
    if (signal?.aborted) throw cancelled();
    const { message } = thrown as Error;
    throw invalidRequest(
      `'${param}': ${shown} cannot be read (${message}). The server may be down, or may not let other pages read it (CORS).`,
      param,
    );
  }
  if (!response.ok) throw invalidRequest(`'${param}': ${shown} answered ${response.status}.`, param);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const reader = response.body?.getReader();
  let sizeBytes = 0;
  try {
    if (Number(response.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(param, maxBytes);
    for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
      sizeBytes += part.value.length;
      if (sizeBytes > maxBytes) throw tooLarge(param, maxBytes);
      parts.push(part.value);
    }
  } catch (thrown) {
    void reader?.cancel().catch(() => undefined);
    if (thrown instanceof OmniError) throw thrown;
    if (signal?.aborted) throw cancelled();
    throw invalidRequest(`'${param}': ${shown} broke off after ${sizeBytes} bytes.`, param);
  }
  return new Blob(parts, { type: response.headers.get("content-type") ?? "" });
}

/** By hand: a page's policy may forbid fetching `data:`. Syntax: RFC 2397. */
function dataUrl(url: string, param: string, maxBytes: number): Blob {
  const comma = url.indexOf(",");
  if (comma < 0) throw invalidRequest(`'${param}': the data: URL has no comma before its data.`, param);
  const head = url.slice(5, comma);
  const base64 = /;\s*base64\s*$/i.test(head);
  const data = url.slice(comma + 1);
  // Three of four characters, or one of three, are the least that become bytes.
  if ((base64 ? data.length * 0.75 : data.length / 3) > maxBytes + 4) throw tooLarge(param, maxBytes);
  const type = head.replace(/;.*$/s, "").trim();
  let text: string;
  try {
    text = data.includes("%") ? decodeURIComponent(data) : data;
    if (base64) text = atob(text);
  } catch {
    throw invalidRequest(`'${param}': the data: URL is not valid ${base64 ? "base64" : "text"}.`, param);
  }
  const bytes = base64
    ? Uint8Array.from(text, (letter) => letter.charCodeAt(0))
    : new TextEncoder().encode(text);
  if (bytes.length > maxBytes) throw tooLarge(param, maxBytes);
  return new Blob([bytes], { type });
}

const tooLarge = (param: string, maxBytes: number) =>
  invalidRequest(`'${param}' has more than the ${maxBytes} bytes that are taken.`, param);

const cancelled = () => new OmniError("aborted", "The request was cancelled.");
