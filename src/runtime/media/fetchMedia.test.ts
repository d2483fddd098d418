import { afterEach, expect, test, vi } from "vitest";
import { fetchMedia } from "./fetchMedia.ts";

const read = (url: string, maxBytes = 100, signal?: AbortSignal) =>
  fetchMedia(url, "image_url.url", { maxBytes }, signal);
const bytesOf = async (blob: Blob) => [...new Uint8Array(await blob.arrayBuffer())];

afterEach(() => void vi.unstubAllGlobals());
const answer = (make: () => Response) => {
  const calls: RequestInit[] = [];
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    calls.push(init);
    return make();
  });
  return calls;
};

test("data: URLs, in base64 and as text", async () => {
  const blob = await read("data:image/png;base64,AAEC/w==");
  expect(blob.type).toBe("image/png");
  expect(await bytesOf(blob)).toEqual([0, 1, 2, 255]);
  expect(await bytesOf(await read("DATA:image/png;base64,AAEC%2Fw%3D%3D"))).toEqual([0, 1, 2, 255]);
  expect(await (await read("data:,a%20b,c")).text()).toBe("a b,c");
  await expect(read("data:image/png;base64")).rejects.toThrow("no comma");
  await expect(read("data:image/png;base64,***")).rejects.toThrow("not valid base64");
  await expect(read("data:,%ff")).rejects.toThrow("not valid text");
  expect((await read(`data:;base64,${btoa("a".repeat(100))}`)).size).toBe(100);
  await expect(read(`data:;base64,${btoa("a".repeat(101))}`)).rejects.toThrow("100 bytes");
  await expect(read(`data:;base64,${"A".repeat(1e6)}`)).rejects.toThrow("100 bytes");
});

test("addresses: with nothing of the user's, up to the limit", async () => {
  const calls = answer(
    () => new Response(Uint8Array.of(1, 2, 3), { headers: { "content-type": "image/gif" } }),
  );
  const blob = await read("https://example.com/a.gif");
  expect([blob.type, await bytesOf(blob)]).toEqual(["image/gif", [1, 2, 3]]);
  expect(calls[0]).toMatchObject({ credentials: "omit", referrerPolicy: "no-referrer" });
  await expect(read("https://example.com/a.gif", 2)).rejects.toMatchObject({
    ...{ code: "invalid_request", param: "image_url.url" },
    message: expect.stringContaining("2 bytes"),
  });
  answer(() => new Response("x", { headers: { "content-length": "1000" } }));
  await expect(read("https://example.com/a.gif")).rejects.toThrow("100 bytes");
});

test("what cannot be read says why", async () => {
  for (const url of ["ftp://example.com/a", "a.png", "javascript:alert(1)", "https://", "file:///etc/passwd"])
    await expect(read(url)).rejects.toThrow("expected a data:, blob: or http(s): URL");
  answer(() => new Response("", { status: 404 }));
  await expect(read("https://example.com/a")).rejects.toThrow("answered 404");
  answer(() => {
    throw new TypeError("Failed to fetch");
  });
  await expect(read("https://example.com/a")).rejects.toThrow(/Failed to fetch.*CORS/);
  const broken = () => {
    let pulls = 0;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (pulls++ === 0) controller.enqueue(Uint8Array.of(1, 2));
          else controller.error(new TypeError("network error"));
        },
      }),
    );
  };
  answer(broken);
  await expect(read("https://example.com/a")).rejects.toThrow("broke off after 2 bytes");
  const aborted = AbortSignal.abort();
  answer(() => {
    throw aborted.reason;
  });
  await expect(read("https://example.com/a", 100, aborted)).rejects.toMatchObject({ code: "aborted" });
});
