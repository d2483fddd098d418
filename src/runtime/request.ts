/** The two ends of `fetch` that a page sees: its arguments, and a body that ends when it is aborted. */

/** Base of relative addresses. Hosts are ignored: only the path of a request counts. */
const base = "https://omni.local";

/** `fetch`'s arguments as a Request. @throws TypeError as `fetch` does, for a malformed URL, method or header */
export async function toRequest(input: RequestInfo | URL, init: RequestInit = {}): Promise<Request> {
  if (input instanceof Request) return new Request(input, init);
  const url = new URL(String(input), base);
  if (!(init.body instanceof ReadableStream)) return new Request(url, init);
  // Not every browser takes a stream as a request's body; here it is read first in any case.
  return new Request(url, { ...init, body: await new Response(init.body).arrayBuffer() });
}

/** The same response, whose body fails with the signal's reason once that is aborted. */
export function abortable(response: Response, signal: AbortSignal): Response {
  if (!response.body) return response;
  const body = response.body.pipeThrough(new TransformStream(undefined, undefined, { highWaterMark: 0 }), {
    signal,
  });
  return new Response(body, response);
}

/** Settles like `promise`, or rejects with the signal's reason as soon as that is aborted. */
export function abortablePromise<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
