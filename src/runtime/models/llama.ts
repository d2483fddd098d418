/** `llama`: Llama 2 and 3, SmolLM, TinyLlama, Mistral. q and k rows are stored for interleaved (NORM) RoPE. */

import type { Architecture } from "./architectures.ts";
import { decoderConfig } from "./config.ts";

export const llama: Architecture = {
  name: "llama",
  config: (header) => decoderConfig(header, "llama", { ropeMode: "norm", headNorm: false }),
};
