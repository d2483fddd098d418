/** A loaded engine behind its API. */

import { createApi } from "./api/createApi.ts";
import type { LoadedEngine } from "./engine/load.ts";
import type { Runtime } from "./wire.ts";

export function runtimeOf({ engine, chatTemplate, load, lost }: LoadedEngine): Runtime {
  return {
    fetch: createApi({ engine, chatTemplate, lost }),
    stats: () => ({ ...engine.stats(), load }),
    lost,
    dispose: () => engine.dispose(),
  };
}
