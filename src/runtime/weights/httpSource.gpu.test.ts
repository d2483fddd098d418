/** The HTTP source on a browser's own fetch; `source.test.ts` tests it against servers that misbehave. */

import { expect, it } from "vitest";
import { openSource } from "./source.ts";
import type { ByteSource } from "./types.ts";

async function collect(source: ByteSource, offset = 0): Promise<Uint8Array> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of source.stream(offset)) pieces.push(new Uint8Array(piece));
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

it("reads a file of the page's own server, from any offset", async () => {
  const expected = new Uint8Array(await (await fetch("/biome.json")).arrayBuffer());
  const source = openSource("/biome.json");
  expect(await collect(source)).toEqual(expected);
  expect(source.sizeBytes).toBe(expected.length);
  expect(await collect(source, 100)).toEqual(expected.subarray(100));
});

it("reads a blob: address", async () => {
  const bytes = new Uint8Array(200_000).map((_, i) => i % 251);
  const url = URL.createObjectURL(new Blob([bytes]));
  const source = openSource(url);
  expect(same(await collect(source), bytes)).toBe(true);
  expect(source.sizeBytes).toBe(bytes.length);
  expect(same(await collect(source, 150_001), bytes.subarray(150_001))).toBe(true);
  URL.revokeObjectURL(url);
});

it("names an address that nobody answers", async () => {
  const source = openSource("http://127.0.0.1:1/model.gguf", { retryDelayMs: 1 });
  await expect(collect(source)).rejects.toMatchObject({
    code: "download_failed",
    message: expect.stringMatching(/127\.0\.0\.1:1\/model\.gguf failed: the network is down/),
  });
});
