/** What a model takes. */

import type { Omni } from "../../runtime/types.ts";

export type InputKind = Omni["capabilities"]["input"][number];

/** `text` is not among them where a model only writes down what it hears. */
export function inputsOf({ capabilities }: Omni): readonly InputKind[] {
  return capabilities.input;
}

/** Whether there is anything to attach for it. */
export function takesMedia(inputs: readonly InputKind[]): boolean {
  return inputs.some((input) => input !== "text");
}
