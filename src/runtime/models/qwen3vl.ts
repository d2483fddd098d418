/** `qwen3vl`: Qwen3 with positions of three coordinates, for pictures among its text. Its encoder is a projector. */

import type { Architecture } from "./architectures.ts";
import { decoderConfig } from "./config.ts";

export const qwen3vl: Architecture = {
  name: "qwen3vl",
  config: (header) =>
    decoderConfig(header, "qwen3vl", { ropeMode: "neox", headNorm: true, interleavedMrope: true }),
};
