/** Short ways to ask an API and to read its answers. */

import type { Api } from "../createApi.ts";

export function get(api: Api, path: string): Promise<Response> {
  return api(new Request(`https://omni.local${path}`));
}

export function post(api: Api, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return api(
    new Request(`https://omni.local${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
      ...(signal ? { signal } : {}),
    }),
  );
}

/** All events of a stream: JSON parsed, but for `[DONE]`. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
export async function events(response: Response): Promise<any[]> {
  const text = await response.text();
  if (!text.endsWith("\n\n")) throw new Error(`The stream ends within an event: ${text.slice(-80)}`);
  return text
    .slice(0, -2)
    .split("\n\n")
    .map((event) => {
      if (!event.startsWith("data: ")) throw new Error(`Not a data event: ${event}`);
      const data = event.slice("data: ".length);
      return data === "[DONE]" ? data : JSON.parse(data);
    });
}
