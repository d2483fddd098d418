/** The projectors that can be run, by `clip.projector_type`. */

import { badModelFile, unsupportedModel } from "../../errors.ts";
import type { GgufHeader } from "../../weights/types.ts";
import { gemma3 } from "./gemma3.ts";
import { idefics3 } from "./idefics3.ts";
import { omnitab } from "./omnitab.ts";
import { qwen3vl } from "./qwen3vl.ts";
import type { ProjectorSpec } from "./types.ts";
import { ultravox } from "./ultravox.ts";

const projectors: Record<string, (header: GgufHeader) => ProjectorSpec> = {
  ...{ gemma3, idefics3, omnitab },
  qwen3vl_merger: qwen3vl,
  ultravox,
};

/**
 * What a projector file holds.
 * @param width of the language model, D
 * @param deepstackLayers of the language model
 * @throws OmniError `unsupported_model` naming the type, `bad_model_file` naming the key; `unsupported_model` where it is for
 *   another language model
 */
export function projectorSpec(header: GgufHeader, width: number, deepstackLayers = 0): ProjectorSpec {
  const { metadata } = header;
  if (metadata.get("general.architecture") !== "clip")
    throw badModelFile(
      `The file for 'projector' is no projector: its general.architecture is ${JSON.stringify(metadata.get("general.architecture") ?? null)}, not "clip".`,
      "general.architecture",
    );
  const type = ["", "vision.", "audio."]
    .map((part) => metadata.get(`clip.${part}projector_type`))
    .find((value) => value !== undefined);
  const known = Object.keys(projectors);
  if (typeof type !== "string" || !known.includes(type))
    throw unsupportedModel(
      `Projectors of type ${JSON.stringify(type ?? null)} are not supported; these are: ${known.join(", ")}.`,
      "clip.projector_type",
    );
  const spec = projectors[type]!(header);
  if (spec.outputWidth !== width)
    throw unsupportedModel(
      `The projector gives rows of ${spec.outputWidth} numbers and the language model reads ${width}: they do not belong together.`,
      `clip.${metadata.has("clip.vision.projection_dim") ? "vision" : "audio"}.projection_dim`,
    );
  const { deepstackLayers: given = 0 } = spec;
  if (given !== deepstackLayers)
    throw unsupportedModel(
      `The projector gives rows for ${given} layers and the language model has ${deepstackLayers} that add some: they do not belong together.`,
      "clip.vision.is_deepstack_layers",
    );
  return spec;
}
