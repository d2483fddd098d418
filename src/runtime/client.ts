/** `createOmni`: starts the runtime and gives back a `fetch`. */

import { OmniError } from "./errors.ts";
import { abortable, abortablePromise, toRequest } from "./request.ts";
import type { Omni, OmniOptions } from "./types.ts";
import type { LoadHooks, LoadOptions, Runtime } from "./wire.ts";
import { connectWorker, startWorker } from "./workerRuntime.ts";

/**
 * Loads a model and resolves when it can answer.
 * @throws OmniError `unsupported_adapter`, `bad_model_file`, `unsupported_model`, `download_failed`,
 * `out_of_memory`, `aborted`; `internal_error` where the worker does not start
 */
export async function createOmni(options: OmniOptions): Promise<Omni> {
  const { signal, onProgress, worker } = options;
  const load = loadOptions(options);
  const hooks: LoadHooks = { signal, onProgress };
  if (signal?.aborted) throw new OmniError("aborted", "Loading the model was cancelled.");
  if (worker === false) {
    const { loadLocal } = await import("./local.ts");
    return omniOver(await loadLocal(load, hooks));
  }
  if (worker) return omniOver(await connectWorker(worker, load, hooks));
  const own = startWorker();
  const end = () => own.terminate();
  return omniOver(await connectWorker(own, load, hooks, end));
}

/** The plain data of the options, addresses made absolute: a worker would resolve them against its script. */
function loadOptions(options: OmniOptions): LoadOptions {
  const { model, projector, modelId, adapter, kvCache, scheduler, tuning } = options;
  const isFiles = Array.isArray(model) && model.length > 0 && model.every((file) => file instanceof File);
  if (
    !(typeof model === "string" || model instanceof URL || model instanceof Blob || isFiles) ||
    model === ""
  )
    throw new OmniError(
      "invalid_request",
      "'model' must be a URL, a hf: reference, a File, a Blob, or Files.",
      {
        param: "model",
      },
    );
  const isSource = typeof projector === "string" || projector instanceof URL || projector instanceof Blob;
  if (projector !== undefined && (!isSource || projector === ""))
    throw new OmniError("invalid_request", "'projector' must be a URL, a hf: reference, a File or a Blob.", {
      param: "projector",
    });
  return {
    model: absolute(model),
    ...(projector === undefined ? {} : { projector: absolute(projector) }),
    ...(modelId === undefined ? {} : { modelId }),
    ...(adapter === undefined ? {} : { adapter }),
    ...(kvCache === undefined ? {} : { kvCache }),
    ...(scheduler === undefined ? {} : { scheduler }),
    ...(tuning === undefined ? {} : { tuning }),
  };
}

function absolute<T extends OmniOptions["model"]>(model: T): string | Exclude<T, URL> {
  if (model instanceof URL) return model.href;
  if (typeof model !== "string") return model as Exclude<T, URL>;
  const page = typeof document === "undefined" ? globalThis.location?.href : document.baseURI;
  return model.startsWith("hf:") || !URL.canParse(model, page) ? model : new URL(model, page).href;
}

/** Gives a runtime the manners of `fetch`: aborts reject at once, and end bodies that are on their way. */
export function omniOver(runtime: Runtime): Omni {
  const closed = new AbortController();
  let disposed: Promise<void> | undefined;

  const fetch: Omni["fetch"] = async (input, init) => {
    closed.signal.throwIfAborted();
    const request = await toRequest(input, init);
    const signal = AbortSignal.any([request.signal, closed.signal]);
    signal.throwIfAborted();
    return abortable(await abortablePromise(runtime.fetch(request), signal), signal);
  };
  const dispose = () => {
    closed.abort(new OmniError("aborted", "The runtime was disposed of."));
    disposed ??= runtime.dispose();
    return disposed;
  };
  const omni = {
    fetch,
    capabilities: runtime.capabilities,
    stats: async () => {
      closed.signal.throwIfAborted();
      return abortablePromise(Promise.resolve(runtime.stats()), closed.signal);
    },
    // Disposing destroys the device too; that is no loss to report.
    lost: new Promise<string>((resolve) => {
      runtime.lost.then((reason) => closed.signal.aborted || resolve(reason));
    }),
    dispose,
  };
  // Not every browser has the symbol; `await using` needs it, the rest does not.
  if (Symbol.asyncDispose) Object.assign(omni, { [Symbol.asyncDispose]: dispose });
  return omni as unknown as Omni;
}
