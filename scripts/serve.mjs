// @ts-check
/**
 * A small static file server, for `npm start`, the tests and the benchmark: byte ranges, any sub-path, any headers,
 * and ways to misbehave on purpose. Plain Node. By hand:
 *
 *   node scripts/serve.mjs dist/app --port 8080 --path /some/where/ --csp
 *   node scripts/serve.mjs public/models --no-range --throttle 1000000 --truncate 5000 --drop 100000
 */

import { createReadStream, realpathSync, statSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

/** The policy that both builds must run under. */
export const strictCsp =
  "default-src 'self'; script-src 'self'; worker-src 'self'; connect-src *; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; base-uri 'self'; frame-ancestors 'self'";

/**
 * A folder served under a path, and its faults.
 *
 * @typedef {object} Mount
 * @property {string} path URL prefix that starts and ends with "/"
 * @property {string} dir
 * @property {Record<string, string>} [headers] sent with every file
 * @property {boolean} [noRange] answers range requests with the whole file
 * @property {number} [truncateBytes] files end after this many bytes, and say so
 * @property {number} [dropBytes] the connection is cut after this many bytes of every answer
 * @property {number} [bytesPerSecond] speed limit of each answer
 */

/** @type {Record<string, string>} */
const mediaTypes = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".txt": "text/plain; charset=utf-8",
  ".md": "text/markdown; charset=utf-8",
};

/**
 * The bytes that a `Range` header asks for, end exclusive; undefined for the whole file (no header, or a form that
 * may be ignored), null where nothing of it exists. RFC 9110, section 14.
 *
 * @param {string | undefined} header
 * @param {number} sizeBytes
 * @returns {{ start: number, end: number } | undefined | null}
 */
export function parseRange(header, sizeBytes) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match || (!match[1] && !match[2])) return undefined;
  if (!match[1]) {
    const length = Math.min(Number(match[2]), sizeBytes);
    return length === 0 ? null : { start: sizeBytes - length, end: sizeBytes };
  }
  const start = Number(match[1]);
  const last = match[2] ? Number(match[2]) : sizeBytes - 1;
  if (last < start) return match[2] && start < sizeBytes ? undefined : null;
  return start >= sizeBytes ? null : { start, end: Math.min(last + 1, sizeBytes) };
}

/**
 * The file that a URL path means, or a redirect to the folder's own address.
 *
 * @param {readonly Mount[]} mounts
 * @param {string} urlPath still percent-encoded
 * @returns {{ mount: Mount, file: string, sizeBytes: number, etag: string } | { redirect: string } | undefined}
 */
function locate(mounts, urlPath) {
  const mount = mounts.find((candidate) => urlPath.startsWith(candidate.path));
  if (!mount) {
    const folder = mounts.some((candidate) => candidate.path === `${urlPath}/`);
    return folder ? { redirect: `${urlPath}/` } : undefined;
  }
  try {
    const top = realpathSync(mount.dir);
    let file = realpathSync(path.join(top, decodeURIComponent(urlPath.slice(mount.path.length))));
    if (file !== top && !file.startsWith(top + path.sep)) return undefined;
    if (statSync(file).isDirectory()) {
      if (!urlPath.endsWith("/")) return { redirect: `${urlPath}/` };
      file = path.join(file, "index.html");
    }
    const { size, mtimeMs } = statSync(file);
    const sizeBytes = Math.min(size, mount.truncateBytes ?? size);
    return {
      mount,
      file,
      sizeBytes,
      etag: `"${sizeBytes.toString(36)}-${Math.round(mtimeMs).toString(36)}"`,
    };
  } catch {
    return undefined; // no such file, or a path that is not well-formed
  }
}

/**
 * Starts a server for the mounts; the first whose path matches answers. Takes the next free port when `port` is taken.
 *
 * @param {readonly Mount[]} mounts
 * @param {{ port?: number, host?: string, onRequest?: (request: import("node:http").IncomingMessage) => void }} [options]
 *   port 0, the default, is any free one
 * @returns {Promise<{ origin: string, port: number, close: () => Promise<void> }>} `origin` without a trailing slash
 */
export async function serve(mounts, { port = 0, host = "127.0.0.1", onRequest } = {}) {
  const server = createServer((request, response) => {
    onRequest?.(request);
    answer(mounts, request, response).catch(() => response.destroy());
  });
  for (let attempt = 0; ; attempt++) {
    try {
      await new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => {
          server.off("error", reject);
          resolve(undefined);
        });
      });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EADDRINUSE" || attempt === 20) throw error;
      port = attempt === 19 ? 0 : port + 1;
    }
  }
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  const name = host === "127.0.0.1" || host === "0.0.0.0" || host === "::" ? "localhost" : host;
  return {
    origin: `http://${name.includes(":") ? `[${name}]` : name}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * @param {readonly Mount[]} mounts
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
async function answer(mounts, request, response) {
  const urlPath = /** @type {string} */ ((request.url ?? "/").split(/[?#]/)[0]);
  /** @type {(status: number, headers?: Record<string, string>) => void} */
  const finish = (status, headers = {}) => {
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers });
    response.end(request.method === "HEAD" ? undefined : `${status}\n`);
  };
  if (request.method !== "GET" && request.method !== "HEAD") return finish(405, { allow: "GET, HEAD" });
  const found = locate(mounts, urlPath);
  if (!found) return finish(404);
  if ("redirect" in found) return finish(308, { location: found.redirect });

  const { mount, file, sizeBytes, etag } = found;
  const headers = {
    "content-type": mediaTypes[path.extname(file)] ?? "application/octet-stream",
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    etag,
    ...(mount.noRange ? {} : { "accept-ranges": "bytes" }),
    ...mount.headers,
  };
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, headers).end();
    return;
  }
  const condition = request.headers["if-range"];
  const wanted = mount.noRange || (condition && condition !== etag) ? undefined : request.headers.range;
  const range = parseRange(wanted, sizeBytes);
  if (range === null) return finish(416, { "content-range": `bytes */${sizeBytes}` });
  const { start, end } = range ?? { start: 0, end: sizeBytes };
  response.writeHead(range ? 206 : 200, {
    ...headers,
    "content-length": end - start,
    ...(range ? { "content-range": `bytes ${start}-${end - 1}/${sizeBytes}` } : {}),
  });
  if (request.method === "HEAD" || end === start) {
    response.end();
    return;
  }
  await send(response, file, start, end, mount);
}

/**
 * Sends bytes [start, end) of a file, with the mount's speed limit and cut.
 *
 * @param {import("node:http").ServerResponse} response
 * @param {string} file
 * @param {number} start
 * @param {number} end
 * @param {Mount} mount
 */
async function send(response, file, start, end, { dropBytes, bytesPerSecond }) {
  const cut = dropBytes !== undefined && dropBytes < end - start;
  const last = (cut ? start + dropBytes : end) - 1;
  if (last >= start) {
    const highWaterMark = bytesPerSecond ? Math.max(1024, Math.min(65536, bytesPerSecond >> 3)) : 1 << 18;
    const bytes = createReadStream(file, { start, end: last, highWaterMark });
    await pipeline(bytesPerSecond ? paced(bytes, bytesPerSecond) : bytes, response, { end: !cut });
  }
  if (cut) response.socket?.end(() => response.socket?.destroy());
}

/**
 * @param {AsyncIterable<Buffer>} chunks
 * @param {number} bytesPerSecond
 */
async function* paced(chunks, bytesPerSecond) {
  const startedMs = performance.now();
  let sentBytes = 0;
  for await (const chunk of chunks) {
    yield chunk;
    sentBytes += chunk.length;
    const aheadMs = (sentBytes / bytesPerSecond) * 1000 - (performance.now() - startedMs);
    if (aheadMs > 1) await delay(aheadMs);
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      port: { type: "string", default: "8080" },
      host: { type: "string", default: "127.0.0.1" },
      path: { type: "string", default: "/" },
      csp: { type: "boolean", default: false },
      "no-range": { type: "boolean", default: false },
      truncate: { type: "string" },
      drop: { type: "string" },
      throttle: { type: "string" },
    },
  });
  const { origin } = await serve(
    [
      {
        path: values.path,
        dir: positionals[0] ?? ".",
        headers: values.csp ? { "content-security-policy": strictCsp } : {},
        noRange: values["no-range"],
        ...(values.truncate ? { truncateBytes: Number(values.truncate) } : {}),
        ...(values.drop ? { dropBytes: Number(values.drop) } : {}),
        ...(values.throttle ? { bytesPerSecond: Number(values.throttle) } : {}),
      },
    ],
    { port: Number(values.port), host: values.host },
  );
  console.log(`Serving ${positionals[0] ?? "."} at ${origin}${values.path}`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) await main();
