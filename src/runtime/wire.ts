/** What crosses the worker boundary. */

import { OmniError, type OmniErrorData } from "./errors.ts";
import type { Capabilities, LoadProgress, OmniOptions, OmniStats } from "./types.ts";

/** What loading needs, as plain data. */
export type LoadOptions = Pick<
  OmniOptions,
  "model" | "projector" | "modelId" | "adapter" | "kvCache" | "scheduler" | "tuning"
>;

export interface WireRequest {
  /** Names the request for {@link RuntimeService.abort}. */
  id: number;
  method: string;
  /** Path and query. */
  path: string;
  headers: [string, string][];
  body: ArrayBuffer | undefined;
}

export interface WireResponse {
  status: number;
  headers: [string, string][];
  /** All of the body, or a port that gives a stream (see {@link sendStream}). */
  body: ArrayBuffer | MessagePort;
}

/** A value or the error instead of it: errors lose their class when they cross by themselves. */
export type Outcome<T> = { value: T } | { error: OmniErrorData };

/** A runtime, here or in a worker, without the manners of `fetch` towards its caller. */
export interface Runtime {
  fetch(request: Request): Promise<Response>;
  readonly capabilities: Capabilities;
  stats(): OmniStats | Promise<OmniStats>;
  /** Resolves when the GPU device is gone, with the reason. */
  readonly lost: Promise<string>;
  dispose(): Promise<void>;
}

export interface LoadHooks {
  onProgress?: ((progress: LoadProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export type LoadRuntime = (options: LoadOptions, hooks: LoadHooks) => Promise<Runtime>;

/** The runtime as a worker offers it over a port (Comlink). */
export interface RuntimeService {
  /** Answers: the worker has started and knows this protocol. */
  hello(): void;
  /** Once, before any request. */
  load(options: LoadOptions, onProgress: (progress: LoadProgress) => void): Promise<Outcome<Capabilities>>;
  fetch(request: WireRequest): Promise<Outcome<WireResponse>>;
  /** Aborts the request `id`; {@link loadId} aborts loading. */
  abort(id: number): void;
  stats(): Promise<Outcome<OmniStats>>;
  /** Resolves when the GPU device is gone, with the reason. */
  lost(): Promise<string>;
  dispose(): Promise<Outcome<null>>;
}

export const loadId = 0;

/** The message with which a client hands a worker the port to serve. */
export interface ConnectMessage {
  omnitab: "connect";
  port: MessagePort;
}

export function isConnectMessage(data: unknown): data is ConnectMessage {
  if (typeof data !== "object" || data === null) return false;
  const { omnitab, port } = data as Partial<ConnectMessage>;
  return omnitab === "connect" && port instanceof MessagePort;
}

export async function outcome<T>(run: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await run() };
  } catch (thrown) {
    return { error: OmniError.from(thrown).toData() };
  }
}

export function unwrap<T>(result: Outcome<T>): T {
  if ("error" in result) throw OmniError.fromData(result.error);
  return result.value;
}

type StreamMessage = { chunk: Uint8Array } | { done: true } | { error: OmniErrorData };

/**
 * Offers a stream over a port: one chunk for each "pull", so a slow reader slows the source; "cancel" cancels
 * it. Streams can't be transferred themselves in every browser, and would lose the errors' classes.
 */
export function sendStream(stream: ReadableStream<Uint8Array>): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const reader = stream.getReader();
  const send = (message: StreamMessage) => {
    port1.postMessage(message);
    // Closing only after the other side has closed would be for nothing: what was posted still arrives.
    if (!("chunk" in message)) port1.close();
  };
  port1.onmessage = async ({ data }: MessageEvent<"pull" | "cancel">) => {
    if (data === "cancel") {
      port1.close();
      await reader.cancel().catch(() => {});
      return;
    }
    try {
      const { done, value } = await reader.read();
      send(done ? { done } : { chunk: value });
    } catch (thrown) {
      send({ error: OmniError.from(thrown).toData() });
    }
  };
  return port2;
}

/** The stream that {@link sendStream} offers at the other end of `port`. */
export function receiveStream(port: MessagePort): ReadableStream<Uint8Array<ArrayBuffer>> {
  let settle = () => {};
  return new ReadableStream(
    {
      start(controller) {
        port.onmessage = ({ data }: MessageEvent<StreamMessage>) => {
          if ("chunk" in data) controller.enqueue(data.chunk as Uint8Array<ArrayBuffer>);
          else if ("done" in data) controller.close();
          else controller.error(OmniError.fromData(data.error));
          if (!("chunk" in data)) port.close();
          settle();
        };
      },
      pull() {
        port.postMessage("pull");
        return new Promise<void>((resolve) => {
          settle = resolve;
        });
      },
      cancel() {
        port.postMessage("cancel");
        port.close();
      },
    },
    { highWaterMark: 0 },
  );
}
