/** An encoding without weights: what the runtime really dispatches for one, on a device that is listened to. */

import { openGpu } from "../../src/runtime/gpu/device.ts";
import type { WeightType } from "../../src/runtime/gpu/tensor.ts";
import { openEncoder } from "../encoder/ownEncoders.ts";
import type { EncoderName } from "../encoder/shapes.ts";
import { allocateWeights, matricesOf } from "./allocateWeights.ts";
import { type TappedDispatch, tapGpu } from "./deviceTap.ts";
import type { StepFacts } from "./traffic.ts";

export interface EncoderStep {
  /** From the samples or pixels to the result. */
  dispatches: TappedDispatch[];
  facts: StepFacts;
}

/** One window of sound or one picture, on the adapter at hand. Weights and what is encoded are zeros. */
export async function encoderStep(name: EncoderName, type: WeightType): Promise<EncoderStep> {
  const dispatches: TappedDispatch[] = [];
  const gpu = tapGpu(await openGpu(), (dispatch) => dispatches.push(dispatch));
  const { step, recording, weights } = await openEncoder(gpu, name, type, allocateWeights);
  recording.encode(gpu.device.createCommandEncoder().beginComputePass(), step);
  gpu.device.destroy();
  const { tokens } = step;
  // There is no cache, and buffers have room for one encoding.
  const sizes = { tokens, positions: tokens, capacity: tokens, rowCapacity: tokens };
  return { dispatches, facts: { ...sizes, matrices: matricesOf(weights) } };
}
