/** Loads a runtime in the calling thread. `worker.ts` serves it to another thread. */

import { loadModel } from "./engine/loadModel.ts";
import { runtimeOf } from "./runtime.ts";
import type { LoadRuntime } from "./wire.ts";

/** @throws OmniError what is wrong with the model, its source or the adapter; `aborted` */
export const loadLocal: LoadRuntime = async (options, { onProgress, signal }) => {
  const hooks = { ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) };
  return runtimeOf(await loadModel({ ...options, ...hooks }));
};
