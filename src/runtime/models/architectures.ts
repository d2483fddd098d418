/** The architectures that can be run, by the name in `general.architecture`. */

import { badModelFile, unsupportedModel } from "../errors.ts";
import type { GgufHeader } from "../weights/types.ts";
import type { DecoderConfig } from "./config.ts";
import { gemma3 } from "./gemma3.ts";
import { llama } from "./llama.ts";
import { qwen3 } from "./qwen3.ts";
import { qwen3vl } from "./qwen3vl.ts";

export interface Architecture {
  name: string;
  config(header: GgufHeader): DecoderConfig;
}

const architectures: readonly Architecture[] = [gemma3, llama, qwen3, qwen3vl];

/**
 * The configuration of the model in a file.
 * @throws OmniError `unsupported_model` naming the architecture, `bad_model_file` naming the key
 */
export function modelConfig(header: GgufHeader): DecoderConfig {
  const name = header.metadata.get("general.architecture");
  if (typeof name !== "string")
    throw badModelFile("The file does not say its general.architecture.", "general.architecture");
  const architecture = architectures.find((candidate) => candidate.name === name);
  if (!architecture) {
    const known = architectures.map((candidate) => candidate.name).join(", ");
    throw unsupportedModel(
      `Architecture "${name}" is not supported; these are: ${known}.`,
      "general.architecture",
    );
  }
  return architecture.config(header);
}
