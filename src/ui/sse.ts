/** Server-sent events, as far as OpenAI's API uses them: the `data` of each event. */

/**
 * The data of every event of a stream, in order. Leaving the loop cancels the stream.
 * Source of the format: HTML Living Standard, 9.2.6 "Interpreting an event stream".
 */
export async function* readEvents(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  const reader = stream.getReader();
  const decoder = new TextDecoder(); // drops a byte order mark, keeps half characters for the next chunk
  let pending = "";
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      pending += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = pending.split(/\r\n|\n|\r(?!$)/);
      pending = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield data.join("\n");
          data = [];
        } else if (line.startsWith("data:")) {
          data.push(line.slice(line[5] === " " ? 6 : 5));
        }
      }
      if (done) return; // an event that its empty line never closed is dropped, as the standard says
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
