/** The kernels that are compiled: those of a model's steps, of encodings, or of others. */

import type { WeightType } from "../../src/runtime/gpu/tensor.ts";
import type { EncoderName } from "../encoder/shapes.ts";
import type { TappedDispatch } from "../recording/deviceTap.ts";
import { encoderStep } from "../recording/encoderStep.ts";
import { writtenBytes } from "../recording/fakeWebGpu.ts";
import { modelSteps } from "../recording/modelSteps.ts";
import { accessOf, readBytes, writtenBytes as writtenBytesOf } from "../recording/traffic.ts";
import { type KernelVariant, kernelVariants } from "../recording/variants.ts";
import { modelShapes, type ShapeName, shapeHeader } from "../shapes.ts";
import type { KernelRun } from "./jobs.ts";
import { peerKernels } from "./peer.ts";

export interface Case {
  /** Weight type of the model, or the peer. */
  type: string;
  step: "decode" | "prefill" | "peer" | EncoderName;
  name: string;
  /** Dispatches of it in a step. */
  count: number;
  run: KernelRun;
  weights: number;
  bytes: number;
}

/** The kernels of a decode step, and of prefill where asked for. */
export async function modelCases(
  shape: ShapeName,
  type: WeightType,
  cached: number,
  prefill: number,
): Promise<Case[]> {
  const header = shapeHeader(modelShapes[shape], type);
  const pages = Math.ceil((Math.max(cached, prefill) + 1) / 32);
  const options = { contextLength: pages * 32, cacheType: "f16" as const, chunkTokens: Math.max(1, prefill) };
  const steps = await modelSteps(header, options);
  const { matrices, rowCapacity } = steps;
  const facts = { capacity: pages * 32, matrices, rowCapacity };
  const record = (
    step: "decode" | "prefill",
    dispatches: TappedDispatch[],
    tokens: number,
    positions: number,
  ) =>
    kernelVariants(dispatches, { ...facts, tokens, positions }).map((variant) => toCase(type, step, variant));
  const cases = record("decode", await steps.decode(cached), 1, cached + 1);
  if (prefill > 0) cases.push(...record("prefill", await steps.prefill(prefill), prefill, prefill));
  steps.destroy();
  return cases;
}

/** The kernels of one encoding. */
export async function encoderCases(name: EncoderName, type: WeightType): Promise<Case[]> {
  const { dispatches, facts } = await encoderStep(name, type);
  return kernelVariants(dispatches, facts).map((variant) => toCase(type, name, variant));
}

export function peerCases(folder: string): Case[] {
  return peerKernels(folder).map(({ weights, bytes, ...run }) => ({
    ...{ type: "peer", step: "peer", name: run.label, count: 1, run, weights, bytes },
  }));
}

function toCase(type: string, step: Case["step"], { name, dispatches, traffic }: KernelVariant): Case {
  const dispatch = dispatches[0]!;
  const access = accessOf(dispatch.source);
  const bindings = dispatch.bindings.map(({ binding, buffer, offsetBytes, sizeBytes }) => ({
    ...{ binding, sizeBytes, uniform: access.get(binding) === "uniform" },
    content: writtenBytes.get(buffer)?.slice(offsetBytes, offsetBytes + sizeBytes),
  }));
  const { label, source, constants, workgroups } = dispatch;
  return {
    ...{ type, step, name: step === "decode" ? name : `${step} ${name}` },
    ...{ count: dispatches.length, weights: traffic.weights },
    bytes: readBytes(traffic) + writtenBytesOf(traffic),
    run: { label, source, constants, workgroups, bindings },
  };
}
