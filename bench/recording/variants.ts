/** The different kernels of a recorded step, and how often each is dispatched. */

import type { TappedDispatch } from "./deviceTap.ts";
import { kernelName, type StepFacts, type Traffic, trafficOf } from "./traffic.ts";

export interface KernelVariant {
  /** Kernel and place without the number of the layer. */
  name: string;
  /** All of the step, each on buffers of its own. */
  dispatches: TappedDispatch[];
  /** Of one dispatch. */
  traffic: Traffic;
}

/** In the order of first use. Layers whose weights differ in type are different variants of one name. */
export function kernelVariants(dispatches: readonly TappedDispatch[], step: StepFacts): KernelVariant[] {
  const variants = new Map<string, KernelVariant>();
  for (const dispatch of dispatches) {
    const name = kernelName(dispatch.label);
    const key = JSON.stringify([name, dispatch.source, dispatch.constants, dispatch.workgroups]);
    const known = variants.get(key);
    if (known) known.dispatches.push(dispatch);
    else variants.set(key, { name, dispatches: [dispatch], traffic: trafficOf(dispatch, step) });
  }
  return [...variants.values()];
}
