/** The runtime in the calling thread: a loaded engine and its API. `worker.ts` serves it to another thread. */

import { createApi } from "./api/createApi.ts";
import { type LoadedEngine, loadEngine } from "./engine/load.ts";
import type { LoadRuntime, Runtime } from "./wire.ts";

/** @throws OmniError what is wrong with the model, its source or the adapter; `aborted` */
export const loadLocal: LoadRuntime = async (options, { onProgress, signal }) => {
  const hooks = { ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) };
  return runtimeOf(await loadEngine({ ...options, ...hooks }));
};

export function runtimeOf({ engine, chatTemplate, load, lost }: LoadedEngine): Runtime {
  return {
    fetch: createApi({ engine, chatTemplate, lost }),
    stats: () => ({ ...engine.stats(), load }),
    lost,
    dispose: () => engine.dispose(),
  };
}
