/** The official client in front of a `fetch` of ours. */

import OpenAI from "openai";

export function openaiOver(
  fetch: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>,
): OpenAI {
  return new OpenAI({
    apiKey: "local",
    baseURL: "https://omni.local/v1",
    fetch,
    dangerouslyAllowBrowser: true,
  });
}
