/** A loaded model behind its API. */

import { createApi } from "./api/createApi.ts";
import type { LoadedModel } from "./engine/loadModel.ts";
import type { Runtime } from "./wire.ts";

export function runtimeOf({ load, lost, ...loaded }: LoadedModel): Runtime {
  const model = "engine" in loaded ? loaded.engine : loaded.transcriber;
  return {
    fetch: createApi({ ...loaded, lost }),
    stats: () => ({ ...model.stats(), load }),
    lost,
    dispose: () => model.dispose(),
  };
}
