import { OmniError } from "../errors.ts";
import type { ByteSource } from "./types.ts";

export interface HttpOptions {
  /** Attempts that may fail one after the other without a new byte. @default 5 */
  attempts?: number;
  /** Pause before the first new attempt; doubles with each. @default 500 */
  retryDelayMs?: number;
  /** A connection that brings nothing for this long counts as dropped. @default 30000 */
  stallMs?: number;
}

const longestDelayMs = 30_000;
/** Answers that may be better in a moment. */
const passingStatuses = [408, 425, 429, 500, 502, 503, 504];

/** A connection that can be tried again. */
class Dropped extends Error {
  readonly retryAfterMs: number | undefined;
  constructor(message: string, options: { cause?: unknown; retryAfterMs?: number | undefined } = {}) {
    super(message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** An open answer: its body, and how much of it lies before the wanted offset. */
interface Answer {
  body: ReadableStreamDefaultReader<Uint8Array>;
  skipBytes: number;
}

/**
 * A file on a web server. Goes on with a range request where a connection drops; a server without ranges sends
 * the file again, and what is known already is dropped.
 */
export class HttpSource implements ByteSource {
  readonly name: string;
  sizeBytes: number | undefined;
  /** Whether the server has sent a range. */
  seekable = false;
  readonly #url: URL;
  /** The address as it may appear in messages: a query may hold a signature. */
  readonly #shown: string;
  readonly #options: Required<HttpOptions>;
  /** Identifies the file's version: all answers must agree. */
  #etag: string | undefined;
  #connected = false;

  constructor(url: URL, options: HttpOptions = {}) {
    this.#url = url;
    this.#shown = url.protocol === "blob:" ? url.href : url.origin + url.pathname;
    this.name = lastPart(url.pathname) || url.host || "model";
    this.#options = {
      attempts: options.attempts ?? 5,
      retryDelayMs: options.retryDelayMs ?? 500,
      stallMs: options.stallMs ?? 30_000,
    };
  }

  async *stream(offset: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    let at = offset;
    let failures = 0;
    for (;;) {
      const connection = new AbortController();
      const abort = () => connection.abort();
      signal?.addEventListener("abort", abort);
      // Set anew for each wait: ends a connection that has gone silent.
      let timer: ReturnType<typeof setTimeout> | undefined;
      const unlessSilent = async <T>(step: Promise<T>): Promise<T> => {
        timer = setTimeout(abort, this.#options.stallMs);
        try {
          return await step;
        } finally {
          clearTimeout(timer);
        }
      };
      let dropped: Dropped;
      try {
        if (signal?.aborted) throw this.#aborted();
        const answer = await unlessSilent(this.#open(at, connection.signal));
        let skip = answer.skipBytes;
        for (;;) {
          const step = await unlessSilent(answer.body.read());
          if (signal?.aborted) throw this.#aborted();
          if (step.done) break;
          const piece = skip === 0 ? step.value : step.value.subarray(skip);
          skip -= step.value.length - piece.length;
          if (piece.length === 0) continue;
          at += piece.length;
          failures = 0;
          yield piece;
        }
        if (this.sizeBytes === undefined || at >= this.sizeBytes) return;
        dropped = new Dropped(`the connection closed at byte ${at} of ${this.sizeBytes}`);
      } catch (thrown) {
        if (signal?.aborted) throw this.#aborted();
        if (thrown instanceof OmniError) throw thrown;
        dropped = thrown instanceof Dropped ? thrown : this.#dropped(thrown, at, connection.signal.aborted);
      } finally {
        signal?.removeEventListener("abort", abort);
        // Also when the caller leaves the loop: the rest of the body is not downloaded.
        connection.abort();
      }
      failures++;
      // Where nothing ever answered, the reason (no network, CORS) rarely passes.
      if (failures >= (this.#connected ? this.#options.attempts : Math.min(2, this.#options.attempts)))
        throw this.#failed(`${dropped.message}, ${failures} times in a row`, dropped.cause);
      await this.#pause(failures, dropped.retryAfterMs, signal);
    }
  }

  /** Requests the file from `at` on, and checks that the answer is that file. */
  async #open(at: number, signal: AbortSignal): Promise<Answer> {
    // A range also from the start: the answer tells the size and is never compressed (the Fetch standard then asks for
    // the identity encoding). No If-Range: it would need a CORS preflight; the answer's own ETag tells the same.
    const response = await fetch(this.#url, { headers: { Range: `bytes=${at}-` }, signal });
    this.#connected = true;
    const { status, headers } = response;
    if (status === 416 && at > 0 && at === this.sizeBytes) return { body: bodyOf(undefined), skipBytes: 0 };
    if (!response.ok) throw this.#refused(response);
    if (/^(text\/html|application\/xhtml)/i.test(headers.get("content-type") ?? ""))
      throw this.#failed("the server answered with a web page, not with a model file: is the address right?");

    const encoded = !/^(identity)?$/i.test(headers.get("content-encoding") ?? "");
    const length = encoded ? undefined : wholeNumber(headers.get("content-length"));
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
    const start = status === 206 ? at : 0;
    this.seekable = status === 206;
    if (status === 206 && range && Number(range[1]) !== at)
      throw this.#failed(`asked for bytes from ${at} on, the server sent those from ${range[1]} on`);
    // Across origins Content-Range is hidden unless the server exposes it; Content-Length never is.
    const size = wholeNumber(range?.[2]) ?? (length === undefined ? undefined : start + length);
    const etag = headers.get("etag") ?? headers.get("last-modified") ?? undefined;
    if (differ(size, this.sizeBytes) || differ(etag, this.#etag))
      throw this.#failed("the file changed on the server during the download");
    this.sizeBytes ??= size;
    this.#etag ??= etag;
    return { body: bodyOf(response.body), skipBytes: at - start };
  }

  #refused(response: Response): Error {
    const { status, headers } = response;
    if (passingStatuses.includes(status)) {
      const seconds = wholeNumber(headers.get("retry-after"));
      return new Dropped(`the server answered with HTTP status ${status}`, {
        retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
      });
    }
    const hint: Record<number, string> = {
      401: ": it asks for a login; is the model private or gated?",
      403: ": it denies access; is the model private or gated?",
      404: ": no such file",
      410: ": the file is gone",
    };
    return this.#failed(`the server answered with HTTP status ${status}${hint[status] ?? ""}`);
  }

  #dropped(cause: unknown, at: number, silent: boolean): Dropped {
    if (silent) return new Dropped(`nothing came for ${this.#options.stallMs / 1000} s`, { cause });
    if (this.#connected) return new Dropped(`the connection dropped at byte ${at}`, { cause });
    return new Dropped(
      "the network is down, the host is unknown, or it does not allow this page to read the file (CORS)",
      { cause },
    );
  }

  async #pause(
    failures: number,
    retryAfterMs: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const delay = Math.min(retryAfterMs ?? this.#options.retryDelayMs * 2 ** (failures - 1), longestDelayMs);
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, delay);
      signal?.addEventListener("abort", done);
    });
    if (signal?.aborted) throw this.#aborted();
  }

  #failed(problem: string, cause?: unknown): OmniError {
    return new OmniError("download_failed", `Download of ${this.#shown} failed: ${problem}.`, {
      param: this.#shown,
      cause,
    });
  }

  #aborted(): OmniError {
    return new OmniError("aborted", `The download of ${this.#shown} was cancelled.`);
  }
}

/** A reader of the body; of nothing where there is none. */
function bodyOf(
  body: ReadableStream<Uint8Array> | null | undefined,
): ReadableStreamDefaultReader<Uint8Array> {
  return (body ?? new ReadableStream({ start: (controller) => controller.close() })).getReader();
}

/** Whether both are known and not the same. */
function differ<T>(a: T | undefined, b: T | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

function wholeNumber(text: string | null | undefined): number | undefined {
  const number = /^\d+$/.test(text ?? "") ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

function lastPart(path: string): string {
  const part = path.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
