import { describe, expect, it } from "vitest";
import { readEvents } from "./sse.ts";

function streamOf(
  chunks: readonly (string | Uint8Array)[],
  onCancel?: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const rest = [...chunks];
  return new ReadableStream(
    {
      pull(controller) {
        const chunk = rest.shift();
        if (chunk === undefined) controller.close();
        else controller.enqueue(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
      },
      ...(onCancel ? { cancel: onCancel } : {}),
    },
    { highWaterMark: 0 },
  );
}

async function eventsOf(chunks: readonly (string | Uint8Array)[]): Promise<string[]> {
  const events: string[] = [];
  for await (const event of readEvents(streamOf(chunks))) events.push(event);
  return events;
}

describe("readEvents", () => {
  it("gives the data of each event", async () => {
    expect(await eventsOf(['data: {"a":1}\n\ndata: two\n\ndata: [DONE]\n\n'])).toEqual([
      '{"a":1}',
      "two",
      "[DONE]",
    ]);
  });

  it("takes every line ending, also when chunks split it", async () => {
    expect(await eventsOf(["data: a\r\n\r\ndata: b\r\rdata: c\n\n"])).toEqual(["a", "b", "c"]);
    expect(await eventsOf(["data: a\r", "\n\r", "\ndata: b\r", "\n", "\r\n"])).toEqual(["a", "b"]);
  });

  it("joins several data lines and ignores comments and other fields", async () => {
    expect(await eventsOf([": hello\nevent: x\nid: 1\ndata: one\ndata:two\ndata:  three\n\n"])).toEqual([
      "one\ntwo\n three",
    ]);
  });

  it("keeps characters whole that arrive in halves, byte by byte", async () => {
    const bytes = new TextEncoder().encode("data: 狐狸 🦊 é\n\n");
    expect(await eventsOf([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(["狐狸 🦊 é"]);
  });

  it("drops an event that is cut off and events without data", async () => {
    expect(await eventsOf(["data: whole\n\n\n\nevent: none\n\ndata: cut"])).toEqual(["whole"]);
  });

  it("cancels the stream when the loop is left", async () => {
    let cancelled = 0;
    const stream = streamOf(["data: 1\n\n", "data: 2\n\n"], () => cancelled++);
    for await (const event of readEvents(stream)) {
      expect(event).toBe("1");
      break;
    }
    expect(cancelled).toBe(1);
  });
});
