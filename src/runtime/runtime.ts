/** A loaded model behind its API. */

import { createApi } from "./api/createApi.ts";
import type { LoadedModel } from "./engine/loadModel.ts";
import type { Capabilities } from "./types.ts";
import type { Runtime } from "./wire.ts";

export function runtimeOf({ load, lost, ...loaded }: LoadedModel): Runtime {
  const model = "engine" in loaded ? loaded.engine : loaded.transcriber;
  const capabilities: Capabilities =
    "engine" in loaded
      ? { tasks: ["chat"], input: ["text", ...(loaded.engine.media?.kinds ?? [])], output: ["text"] }
      : { tasks: ["transcription"], input: ["audio"], output: ["text"] };
  return {
    fetch: createApi({ ...loaded, lost, capabilities }),
    capabilities,
    stats: () => ({ ...model.stats(), load }),
    lost,
    dispose: () => model.dispose(),
  };
}
