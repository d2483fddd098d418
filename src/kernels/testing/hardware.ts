/** Kernels choose other sizes on software adapters; this tests those of a GPU there too. */

import type { Recording } from "../../runtime/gpu/recording.ts";

export const hardwareVariants = [
  { name: "sizes for this adapter", as: (rec: Recording) => rec },
  { name: "sizes for a GPU", as: asHardware },
] as const;

/** The recording, on an adapter that claims to be hardware. */
export function asHardware(rec: Recording): Recording {
  return Object.create(rec, { gpu: { value: { ...rec.gpu, software: false } } });
}
