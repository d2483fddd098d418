import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { huggingFaceUrl, openSource } from "./source.ts";
import type { ByteSource } from "./types.ts";

vi.setConfig({ testTimeout: 30_000 }); // a busy machine

const file = new Uint8Array(300_000).map((_, i) => (i * 7 + (i >> 8) * 13) & 255);
const options = { retryDelayMs: 5 };

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

let server: Server;
let base: string;
let requests: { range: string | undefined }[];
let handler: Handler;

beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push({ range: request.headers.range });
    handler(request, response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface Behaviour {
  ranges?: boolean;
  /** Closes the connection after this many bytes of the answer. */
  dropAfter?: number | undefined;
  etag?: string;
  length?: boolean;
  body?: Uint8Array;
}

/** Answers as a web server for static files does. */
function serve(request: IncomingMessage, response: ServerResponse, behaviour: Behaviour = {}): void {
  const { ranges = true, dropAfter, etag = '"v1"', length = true, body = file } = behaviour;
  const start = ranges ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0) : 0;
  const part = body.subarray(start);
  const headers: Record<string, string> = { "content-type": "application/octet-stream" };
  if (etag) headers.etag = etag;
  if (length) headers["content-length"] = String(part.length);
  if (ranges) headers["content-range"] = `bytes ${start}-${body.length - 1}/${body.length}`;
  response.writeHead(ranges ? 206 : 200, headers);
  if (dropAfter === undefined) response.end(part);
  else response.write(part.subarray(0, dropAfter), () => setTimeout(() => response.destroy(), 5));
}

async function collect(source: ByteSource, offset = 0, signal?: AbortSignal): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source.stream(offset, signal)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

async function expectWhole(bytes: Promise<Uint8Array>, offset = 0): Promise<void> {
  const got = await bytes;
  expect(got.length).toBe(file.length - offset);
  expect(digest(got)).toBe(digest(file.subarray(offset)));
}

describe("HTTP source", () => {
  it("reads a file from a server with ranges, and knows its name and size", async () => {
    handler = (request, response) => serve(request, response);
    const source = openSource(`${base}models/my%20model.gguf?token=secret`, options);
    expect(source.name).toBe("my model.gguf");
    expect(source.sizeBytes).toBeUndefined();
    await expectWhole(collect(source));
    expect(source.sizeBytes).toBe(file.length);
    expect(requests).toEqual([{ range: "bytes=0-" }]);
    await expectWhole(collect(source, 123_457), 123_457);
  });

  it.each([true, false])("reads from a server without ranges (length sent: %s)", async (length) => {
    handler = (request, response) => serve(request, response, { ranges: false, length });
    const source = openSource(base, options);
    await expectWhole(collect(source));
    expect(source.sizeBytes).toBe(length ? file.length : undefined);
    await expectWhole(collect(source, 70_001), 70_001);
  });

  it("goes on where a connection dropped, more often than it may fail in a row", async () => {
    handler = (request, response, count) => serve(request, response, count <= 8 ? { dropAfter: 20_000 } : {});
    await expectWhole(collect(openSource(base, { ...options, attempts: 3 })));
    expect(requests.length).toBe(9);
    const starts = requests.map(({ range }) => Number(/\d+/.exec(range!)![0]));
    expect(starts).toEqual([...new Set(starts)].sort((a, b) => a - b));
    expect(starts[8]).toBe(160_000);
  });

  it("downloads again and drops what it has where the server cannot send ranges", async () => {
    handler = (request, response, count) =>
      serve(request, response, { ranges: false, dropAfter: count < 4 ? count * 50_000 : undefined });
    await expectWhole(collect(openSource(base, options)));
    expect(requests.length).toBe(4);
  });

  it("takes an early end of an answer with a known size as a drop", async () => {
    handler = (request, response, count) => {
      if (count > 1) return serve(request, response);
      response.writeHead(206, { "content-range": `bytes 0-${file.length - 1}/${file.length}`, etag: '"v1"' });
      response.end(file.subarray(0, 1000)); // chunked, so the end looks regular
    };
    await expectWhole(collect(openSource(base, options)));
    expect(requests[1]!.range).toBe("bytes=1000-");
  });

  it("ends a silent connection and goes on", async () => {
    handler = (request, response, count) => {
      if (count > 1) return serve(request, response);
      response.writeHead(206, { "content-range": `bytes 0-${file.length - 1}/${file.length}` });
      response.write(file.subarray(0, 5000));
    };
    await expectWhole(collect(openSource(base, { ...options, stallMs: 2000 })));
    expect(requests[1]!.range).toBe("bytes=5000-");
  });

  it("tries again after a passing status, as soon as Retry-After says", async () => {
    handler = (request, response, count) => {
      if (count > 2) return serve(request, response);
      response.writeHead(count === 1 ? 503 : 429, count === 1 ? {} : { "retry-after": "0" });
      response.end();
    };
    await expectWhole(collect(openSource(base, options)));
    expect(requests.length).toBe(3);
  });

  it("gives up after the given number of failures without a new byte", async () => {
    handler = (_, response) => response.writeHead(500).end();
    await expect(collect(openSource(base, { ...options, attempts: 4 }))).rejects.toMatchObject({
      code: "download_failed",
      message: expect.stringMatching(/HTTP status 500, 4 times in a row/),
    });
    expect(requests.length).toBe(4);
  });

  it.each([
    [404, /404: no such file/],
    [403, /403.*private or gated/],
    [401, /401.*login/],
    [400, /status 400\.$/],
  ])("refuses status %i at once, without the query in the message", async (status, message) => {
    handler = (_, response) => response.writeHead(status).end("no");
    const error = await collect(openSource(`${base}m.gguf?token=secret`, options)).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "download_failed", param: `${base}m.gguf` });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("secret");
    expect(requests.length).toBe(1);
  });

  it("refuses a web page", async () => {
    handler = (_, response) => {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      response.end("<!doctype html>");
    };
    await expect(collect(openSource(base, options))).rejects.toMatchObject({
      code: "download_failed",
      message: expect.stringContaining("web page"),
    });
  });

  it.each<[string, Behaviour]>([
    ["another ETag", { etag: '"v2"' }],
    ["another size", { body: file.subarray(1), etag: "" }],
    ["another ETag and no ranges", { etag: '"v2"', ranges: false }],
  ])("notices a file that changed on the way: %s", async (_, then) => {
    handler = (request, response, count) =>
      serve(request, response, count === 1 ? { dropAfter: 50_000 } : then);
    await expect(collect(openSource(base, options))).rejects.toMatchObject({
      code: "download_failed",
      message: expect.stringContaining("changed on the server"),
    });
  });

  it("refuses a range that it did not ask for", async () => {
    handler = (_, response) => {
      response.writeHead(206, { "content-range": "bytes 5-9/10" });
      response.end("abcde");
    };
    await expect(collect(openSource(base, options))).rejects.toMatchObject({
      message: expect.stringContaining("bytes from 0 on, the server sent those from 5 on"),
    });
  });

  it("hints at network and CORS where nobody answers", async () => {
    handler = (_, response) => response.socket!.destroy();
    await expect(collect(openSource(`${base}x.gguf`, options))).rejects.toMatchObject({
      code: "download_failed",
      message: expect.stringMatching(/network is down.*CORS/),
    });
    expect(requests.length).toBe(2);
  });

  it("stops when aborted: before, in the body, and in a pause", async () => {
    handler = (request, response) => serve(request, response, { dropAfter: 50_000 });
    await expect(collect(openSource(base), 0, AbortSignal.abort())).rejects.toMatchObject({
      code: "aborted",
    });
    expect(requests.length).toBe(0);

    const inBody = new AbortController();
    const stream = openSource(base, options).stream(0, inBody.signal);
    await stream.next();
    inBody.abort();
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toMatchObject({ code: "aborted" });

    const inPause = new AbortController();
    setTimeout(() => inPause.abort(), 150);
    const started = performance.now();
    await expect(
      collect(openSource(base, { retryDelayMs: 60_000 }), 0, inPause.signal),
    ).rejects.toMatchObject({ code: "aborted" });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it("closes the connection when the reader leaves", async () => {
    const closed = new Promise<void>((resolve) => {
      handler = (_, response) => {
        response.on("close", resolve);
        response.writeHead(200, { "content-type": "application/octet-stream" });
        response.write(file);
      };
    });
    for await (const _ of openSource(base).stream(0)) break;
    await closed;
  });
});

describe("openSource", () => {
  it("resolves relative addresses", async () => {
    handler = (request, response) => {
      expect(request.url).toBe("/app/models/x.gguf");
      serve(request, response);
    };
    await expectWhole(collect(openSource("models/x.gguf", { ...options, baseUrl: `${base}app/index.html` })));
  });

  it.each(["ftp://host/x.gguf", "file:///x.gguf", "data:,x", "javascript:1", "http://", "no base"])(
    "refuses %s",
    (model) => {
      expect(() => openSource(model)).toThrow(
        expect.objectContaining({ code: "invalid_request", param: "model" }),
      );
    },
  );

  it("knows Hugging Face references", () => {
    expect(huggingFaceUrl("hf:owner/repo-1.B/file.gguf")).toBe(
      "https://huggingface.co/owner/repo-1.B/resolve/main/file.gguf",
    );
    expect(huggingFaceUrl("hf:o/r@v1.2/dir/a b#1.gguf")).toBe(
      "https://huggingface.co/o/r/resolve/v1.2/dir/a%20b%231.gguf",
    );
    expect(huggingFaceUrl("hf:o/r@refs%2Fpr%2F3/x.gguf")).toBe(
      "https://huggingface.co/o/r/resolve/refs%2Fpr%2F3/x.gguf",
    );
    expect(openSource("hf:o/r/dir/x.gguf").name).toBe("x.gguf");
  });

  it.each([
    "hf:",
    "hf:owner",
    "hf:owner/repo",
    "hf:owner/repo/",
    "hf:o/../x",
    "hf:o/r/../../x",
    "hf:o/r//x",
    "hf:o/r@/x",
  ])("refuses the reference %s", (model) => {
    expect(() => openSource(model)).toThrow(expect.objectContaining({ code: "invalid_request" }));
  });
});

describe("Blob source", () => {
  it("reads in pieces, from any offset, and names the file", async () => {
    const large = new Uint8Array(9 * 2 ** 20 + 5).map((_, i) => i >> 10);
    const source = openSource(new File([large], "picked.gguf"));
    expect([source.name, source.sizeBytes]).toEqual(["picked.gguf", large.length]);
    const pieces: Uint8Array[] = [];
    for await (const piece of source.stream(3)) pieces.push(piece);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(4 * 2 ** 20);
    expect(digest(Buffer.concat(pieces))).toBe(digest(large.subarray(3)));
    expect(openSource(new Blob([])).name).toBe("model");
  });

  it("stops when aborted, and names a file that cannot be read", async () => {
    const abort = new AbortController();
    const stream = openSource(new Blob([new Uint8Array(5 * 2 ** 20)])).stream(0, abort.signal);
    await stream.next();
    abort.abort();
    await expect(stream.next()).rejects.toMatchObject({ code: "aborted" });

    class Gone extends File {
      override slice(): Blob {
        return Object.assign(new Blob(), {
          arrayBuffer: () => Promise.reject(new Error("NotReadableError")),
        });
      }
    }
    await expect(collect(openSource(new Gone(["x"], "gone.gguf")))).rejects.toMatchObject({
      code: "download_failed",
      param: "gone.gguf",
    });
  });
});
