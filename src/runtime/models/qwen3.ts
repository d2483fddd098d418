/** `qwen3`: RMSNorm over each head of q and k, half-split (NEOX) RoPE. */

import type { Architecture } from "./architectures.ts";
import { decoderConfig } from "./config.ts";

export const qwen3: Architecture = {
  name: "qwen3",
  config: (header) => decoderConfig(header, "qwen3", { ropeMode: "neox", headNorm: true }),
};
