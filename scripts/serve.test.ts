import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Mount, parseRange, serve } from "./serve.mjs";

const dir = mkdtempSync(path.join(tmpdir(), "omnitab-serve-"));
const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 251);
let server: Awaited<ReturnType<typeof serve>>;

beforeAll(async () => {
  writeFileSync(path.join(dir, "model.gguf"), bytes);
  writeFileSync(path.join(dir, "index.html"), "<p>home</p>");
  symlinkSync("/etc/hostname", path.join(dir, "outside"));
  const mounts: Mount[] = [
    { path: "/whole/", dir, noRange: true },
    { path: "/short/", dir, truncateBytes: 1000 },
    { path: "/drop/", dir, dropBytes: 5000 },
    { path: "/slow/", dir, bytesPerSecond: 200_000 },
    { path: "/a/b/", dir, headers: { "content-security-policy": "default-src 'self'" } },
  ];
  server = await serve(mounts);
});
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true });
});

const get = (urlPath: string, headers: Record<string, string> = {}) =>
  fetch(server.origin + urlPath, { headers });
const body = async (response: Response) => new Uint8Array(await response.arrayBuffer());

describe("parseRange", () => {
  test.each([
    [undefined, undefined],
    ["bytes=0-9", { start: 0, end: 10 }],
    ["bytes=90-", { start: 90, end: 100 }],
    ["bytes=95-200", { start: 95, end: 100 }],
    ["bytes=-5", { start: 95, end: 100 }],
    ["bytes=-500", { start: 0, end: 100 }],
    ["bytes=100-", null],
    ["bytes=-0", null],
    ["bytes=9-2", undefined],
    ["bytes=-", undefined],
    ["bytes=0-1,5-6", undefined],
    ["lines=0-1", undefined],
  ])("%s of 100 bytes", (header, expected) => {
    expect(parseRange(header, 100)).toEqual(expected);
  });
});

describe("serve", () => {
  test("gives a range, and says which", async () => {
    const response = await get("/a/b/model.gguf", { range: "bytes=10-19" });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe("bytes 10-19/100000");
    expect(response.headers.get("content-security-policy")).toBe("default-src 'self'");
    expect(await body(response)).toEqual(bytes.subarray(10, 20));
  });

  test("gives the whole file when the condition of the range no longer holds", async () => {
    const etag = (await get("/a/b/model.gguf")).headers.get("etag");
    expect((await get("/a/b/model.gguf", { range: "bytes=1-2", "if-range": String(etag) })).status).toBe(206);
    expect((await get("/a/b/model.gguf", { range: "bytes=1-2", "if-range": '"old"' })).status).toBe(200);
    expect((await get("/a/b/model.gguf", { "if-none-match": String(etag) })).status).toBe(304);
  });

  test("refuses a range past the end", async () => {
    const response = await get("/a/b/model.gguf", { range: "bytes=100000-" });
    expect(response.status).toBe(416);
    expect(response.headers.get("content-range")).toBe("bytes */100000");
  });

  test("a mount without ranges sends everything", async () => {
    const response = await get("/whole/model.gguf", { range: "bytes=10-19" });
    expect(response.status).toBe(200);
    expect(response.headers.get("accept-ranges")).toBeNull();
    expect(await body(response)).toEqual(bytes);
  });

  test("a truncated file is complete as far as HTTP knows", async () => {
    expect(await body(await get("/short/model.gguf"))).toEqual(bytes.subarray(0, 1000));
  });

  test("a dropped connection breaks the body after what was sent", async () => {
    const reader = (await get("/drop/model.gguf")).body!.getReader();
    let received = 0;
    const drain = async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        received += value.length;
      }
    };
    await expect(drain()).rejects.toThrow();
    expect(received).toBe(5000);
  });

  test("a speed limit is kept", async () => {
    const startedMs = performance.now();
    expect(await body(await get("/slow/model.gguf"))).toEqual(bytes);
    const elapsedMs = performance.now() - startedMs;
    expect(elapsedMs).toBeGreaterThan(350); // 100,000 bytes at 200,000 a second, the first chunk at once
  });

  test("folders, unknown paths and paths that lead outside", async () => {
    expect(await (await get("/a/b")).text()).toBe("<p>home</p>");
    expect((await get("/a/b/nothing")).status).toBe(404);
    expect((await get("/")).status).toBe(404);
    expect((await get("/a/b/outside")).status).toBe(404);
    // `fetch` tidies dots away; a raw request does not.
    const raw = (urlPath: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const sent = request(server.origin, { path: urlPath }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        sent.on("error", reject).end();
      });
    expect(await raw("/a/b/../../../../../etc/hostname")).toBe(404);
    expect(await raw("/a/b/%2e%2e%2f%2e%2e%2fetc%2fhostname")).toBe(404);
    expect(await raw("/a/b/%00")).toBe(404);
    expect(await raw("/a/b/%zz")).toBe(404);
    expect(await raw("/a/b/index.html?x#y")).toBe(200);
  });

  test("takes another port when the wanted one is taken", async () => {
    const second = await serve([{ path: "/", dir }], { port: server.port });
    expect(second.port).not.toBe(server.port);
    expect((await fetch(`${second.origin}/`)).status).toBe(200);
    await second.close();
  });
});
