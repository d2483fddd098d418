/** Serves a runtime to the clients of this worker. */

import { expose, transfer } from "comlink";
import { OmniError } from "./errors.ts";
import {
  isConnectMessage,
  type LoadRuntime,
  loadId,
  outcome,
  type Runtime,
  type RuntimeService,
  sendStream,
  type WireRequest,
  type WireResponse,
} from "./wire.ts";

/** Any origin: only the path of a request counts. */
const origin = "https://omni.local";

/** Waits on the worker's own scope for clients and gives each a runtime of its own on the port it brings. */
export function serve(load: LoadRuntime): void {
  addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    if (isConnectMessage(data)) expose(createService(load), data.port);
  });
}

export function createService(load: LoadRuntime): RuntimeService {
  const running = new Map<number, AbortController>();
  let runtime: Runtime | undefined;
  let resolveLost: (reason: string) => void;
  const lost = new Promise<string>((resolve) => {
    resolveLost = resolve;
  });

  const loaded = () => {
    if (!runtime) throw new OmniError("internal_error", "The model is not loaded.");
    return runtime;
  };
  const start = (id: number) => {
    const abort = new AbortController();
    running.set(id, abort);
    return abort.signal;
  };

  return {
    hello: () => {},
    load: (options, onProgress) =>
      outcome(async () => {
        const signal = start(loadId);
        try {
          // The callback lives in the other thread: it returns a promise, and what it throws is not ours.
          const report: typeof onProgress = (progress) =>
            void Promise.resolve(onProgress(progress)).catch(() => {});
          const ready = await load(options, { onProgress: report, signal });
          if (signal.aborted) {
            await ready.dispose();
            throw new OmniError("aborted", "Loading the model was cancelled.");
          }
          runtime = ready;
          runtime.lost.then(resolveLost);
          return runtime.capabilities;
        } finally {
          running.delete(loadId);
        }
      }),
    async fetch(request) {
      const result = await outcome(async () => {
        const signal = start(request.id);
        try {
          return await answer(loaded(), request, signal);
        } finally {
          running.delete(request.id);
        }
      });
      return "value" in result ? transfer(result, [result.value.body]) : result;
    },
    abort: (id) => running.get(id)?.abort(),
    stats: () => outcome(() => loaded().stats()),
    lost: () => lost,
    dispose: () =>
      outcome(async () => {
        for (const abort of running.values()) abort.abort();
        await runtime?.dispose();
        return null;
      }),
  };
}

async function answer(runtime: Runtime, wire: WireRequest, signal: AbortSignal): Promise<WireResponse> {
  const { method, path, headers, body } = wire;
  const request = new Request(origin + path, { method, headers, body: body ?? null, signal });
  const response = await runtime.fetch(request);
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  return {
    status: response.status,
    headers: [...response.headers],
    body: isStream && response.body ? sendStream(response.body) : await response.arrayBuffer(),
  };
}
