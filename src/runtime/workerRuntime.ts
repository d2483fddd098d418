/** The client's end of a runtime in a worker. */

import { proxy, type Remote, transfer, wrap } from "comlink";
import { OmniError } from "./errors.ts";
import { abortablePromise } from "./request.ts";
import type { Capabilities } from "./types.ts";
import {
  type ConnectMessage,
  type LoadHooks,
  type LoadOptions,
  loadId,
  type Runtime,
  type RuntimeService,
  receiveStream,
  unwrap,
} from "./wire.ts";

/** How long a worker may take to answer the first message. */
const answerTimeoutMs = 60_000;

/** @throws OmniError `internal_error` where the page may not start it */
export function startWorker(): Worker {
  try {
    return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "omnitab" });
  } catch (cause) {
    throw noWorker(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function noWorker(why: string, cause?: unknown): OmniError {
  return new OmniError("internal_error", `The runtime's worker did not start: ${why}`, { cause });
}

/**
 * Loads a model in a worker that serves {@link RuntimeService}. `terminate` ends the worker, where it is ours:
 * when loading fails, or the runtime is disposed of.
 * @throws OmniError what loading throws; `aborted`; `internal_error` where the worker does not start or answer
 */
export async function connectWorker(
  worker: Worker,
  options: LoadOptions,
  hooks: LoadHooks,
  terminate?: () => void,
): Promise<Runtime> {
  const { port1, port2 } = new MessageChannel();
  const message: ConnectMessage = { omnitab: "connect", port: port1 };
  worker.postMessage(message, [port1]);
  const service = wrap<RuntimeService>(port2);
  const end = () => {
    terminate?.();
    port2.close();
  };
  let capabilities: Capabilities;
  try {
    await answers(worker, service);
    capabilities = await load(service, options, hooks);
  } catch (error) {
    if (!terminate) void service.dispose();
    end();
    throw OmniError.from(error);
  }
  return remoteRuntime(service, capabilities, async () => {
    // A worker that ends takes its device along; another's has to free it.
    if (!terminate) unwrap(await service.dispose());
    end();
  });
}

/** Resolves when the worker answers, rejects when its script fails. */
function answers(worker: Worker, service: Remote<RuntimeService>): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (event: ErrorEvent) => {
      event.preventDefault();
      // An event without a message: the script was not loaded at all.
      const why = event.message || "its script is missing, or blocked by the page's Content-Security-Policy.";
      reject(noWorker(why));
    };
    const timeout = setTimeout(() => {
      reject(noWorker("it does not answer. An own worker must import omnitab/worker, statically."));
    }, answerTimeoutMs);
    worker.addEventListener("error", onError);
    service
      .hello()
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timeout);
        worker.removeEventListener("error", onError);
      });
  });
}

async function load(
  service: Remote<RuntimeService>,
  options: LoadOptions,
  { onProgress, signal }: LoadHooks,
): Promise<Capabilities> {
  const onAbort = () => void service.abort(loadId);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const loading = service.load(options, proxy(onProgress ?? (() => {}))).then((result) => unwrap(result));
    return await (signal ? abortablePromise(loading, signal) : loading);
  } catch (error) {
    if (signal?.aborted) throw new OmniError("aborted", "Loading the model was cancelled.", { cause: error });
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

function remoteRuntime(
  service: Remote<RuntimeService>,
  capabilities: Capabilities,
  dispose: () => Promise<void>,
): Runtime {
  let lastId = loadId;
  return {
    capabilities,
    async fetch(request) {
      const id = ++lastId;
      const { signal, method, headers, url } = request;
      const body = request.body ? await request.arrayBuffer() : undefined;
      const { pathname, search } = new URL(url);
      const onAbort = () => void service.abort(id);
      signal.throwIfAborted();
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        const wire = { id, method, path: pathname + search, headers: [...headers], body };
        const answer = unwrap(await service.fetch(body ? transfer(wire, [body]) : wire));
        const stream = answer.body instanceof MessagePort ? receiveStream(answer.body) : answer.body;
        return new Response(stream, { status: answer.status, headers: answer.headers });
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
    stats: async () => unwrap(await service.stats()),
    lost: service.lost(),
    dispose,
  };
}
