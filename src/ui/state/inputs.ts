/** What a model takes. */

import type { Omni, OmniStats } from "../../runtime/types.ts";

export type InputKind = "text" | "image" | "audio" | "video";

/** `text` is not among them where a model only writes down what it hears. */
export function inputsOf(omni: Omni, stats: OmniStats): readonly InputKind[] {
  const { capabilities } = omni as { capabilities?: { input?: readonly string[] } };
  return (capabilities?.input as readonly InputKind[]) ?? (stats.audio ? ["audio"] : ["text"]);
}

/** Whether there is anything to attach for it. */
export function takesMedia(inputs: readonly InputKind[]): boolean {
  return inputs.some((input) => input !== "text");
}

export function seesCamera(inputs: readonly InputKind[]): boolean {
  return inputs.includes("image") || inputs.includes("video");
}
