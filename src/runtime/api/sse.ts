/** Server-sent events as OpenAI writes them: `data: {…}` per chunk, then `data: [DONE]`. */

import { OmniError } from "../errors.ts";
import { errorBody } from "./http.ts";

/**
 * How far, in bytes, generation may run ahead of a slow reader. Without any lead a busy page would hold up
 * the GPU at every token, and a reader that never comes would block everyone in the queue; without an end it
 * would cost memory. This holds a plain answer of 16,000 tokens.
 */
const leadBytes = 4 << 20;

/**
 * Answers with a stream of events. The first one is awaited, so that what fails before any output is an
 * HTTP error; a later failure becomes an event `{"error": …}` and ends the stream.
 * Cancelling the body, or aborting `request.signal`, aborts `abort` and leaves `events`.
 */
export async function eventStream(
  events: AsyncGenerator<unknown, void, void>,
  abort: AbortController,
): Promise<Response> {
  const encoder = new TextEncoder();
  const { signal } = abort;
  let first: IteratorResult<unknown, void> | undefined = await events.next();

  const leave = () => {
    // The pending step, if any, ends by the signal; return() then runs the generators' own clean-up.
    events.return().catch(() => {});
  };
  let onAbort = () => {};

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        onAbort = () => {
          controller.error(signal.reason);
          leave();
        };
        if (signal.aborted) onAbort();
        else signal.addEventListener("abort", onAbort, { once: true });
      },
      async pull(controller) {
        const send = (data: string) => controller.enqueue(encoder.encode(`data: ${data}\n\n`));
        try {
          const { done, value } = first ?? (await events.next());
          first = undefined;
          if (signal.aborted) return;
          if (!done) return send(JSON.stringify(value));
          send("[DONE]");
        } catch (thrown) {
          if (signal.aborted) return;
          send(JSON.stringify(errorBody(OmniError.from(thrown))));
        }
        signal.removeEventListener("abort", onAbort);
        controller.close();
      },
      cancel(reason) {
        signal.removeEventListener("abort", onAbort);
        abort.abort(reason);
        leave();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: leadBytes }),
  );
  return new Response(body, {
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
  });
}
