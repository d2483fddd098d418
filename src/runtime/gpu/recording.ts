/**
 * A step recorded once and replayed: pipelines and bind groups are made at load, so a replay creates no GPU
 * object; only the workgroup counts follow the step's size.
 */

import { OmniError } from "../errors.ts";
import type { Gpu } from "./device.ts";
import type { BufferSlice } from "./tensor.ts";
import type { Variant } from "./tuning.ts";

/** How many rows this replay works on; the same numbers are in the step's uniform buffer. */
export interface StepSize {
  /** T: tokens in this step. */
  tokens: number;
  /** Rows whose logits are wanted. */
  outputs: number;
}

/** One dispatch: WGSL, its override constants, what is bound in order at group 0, and how many workgroups. */
export interface KernelCall {
  /** Kernel and place, e.g. `matmul blk.3.attn_q`. */
  label: string;
  source: string;
  constants?: Record<string, number>;
  bindings: readonly BufferSlice[];
  /** Workgroups in x, y, z; each at most 65,535. Zero skips the dispatch. */
  workgroups: (step: StepSize) => readonly [number, number?, number?];
}

/** Something that a kernel writes. */
export interface TunableOutput {
  /** The rows of the largest step. */
  slice: BufferSlice;
  /** What its bytes stand for, in lists of alike numbers. */
  values(bytes: ArrayBuffer): Float32Array[];
}

/** What a kernel is measured with, in place of what the last step left there. */
export interface TunableInput {
  slice: BufferSlice;
  /** From its beginning. */
  words: Uint32Array<ArrayBuffer>;
}

/** A kernel at one place of a recording that has variants. */
export interface Tunable<V extends Variant = Variant> {
  /** Kernel, weight type, shape: what has the same key shares a choice. */
  key: string;
  /** All of them compute the same but for rounding. The first one is taken until it is known which is fastest. */
  candidates: readonly V[];
  /** Replays give the same results if these are zero before. None is an input. */
  outputs: readonly TunableOutput[];
  /** Numbers that steps are told, where a kernel's work depends on them. */
  inputs?: readonly TunableInput[];
  /** Records this kernel alone. */
  record(rec: Recording, variant: V): void;
}

/** A tunable with the variant that was recorded. */
export interface TunedCall extends Tunable {
  chosen: Variant;
  step: StepSize;
}

interface Dispatch {
  call: KernelCall;
  pipeline?: GPUComputePipeline;
  bindGroup?: GPUBindGroup;
}

export class Recording {
  /** Kernels for which there was a choice. */
  readonly tuned: TunedCall[] = [];
  private readonly dispatches: Dispatch[] = [];

  /**
   * @param step the uniform buffer with `struct Step` (see `kernels/prelude.ts`)
   * @param maxStep the largest step that will be replayed; kernels choose their variant by it
   */
  constructor(
    readonly gpu: Gpu,
    readonly step: BufferSlice,
    readonly maxStep: StepSize,
  ) {}

  get dispatchCount(): number {
    return this.dispatches.length;
  }

  /** Labels in order, for profiles and tests. */
  get labels(): string[] {
    return this.dispatches.map(({ call }) => call.label);
  }

  dispatch(call: KernelCall): void {
    this.dispatches.push({ call });
    // Compilation starts at once and overlaps with whatever else loads.
    void this.gpu.pipelines.get(call).catch(() => undefined);
  }

  /** The variant that a kernel is to record: the one remembered for this adapter, else the first. */
  choose<V extends Variant>(tunable: Tunable<V>): V {
    const { key, candidates } = tunable;
    const chosen = this.gpu.tuning.get(key, candidates) ?? candidates[0]!;
    this.tuned.push({ ...tunable, record: tunable.record as Tunable["record"], chosen, step: this.maxStep });
    return chosen;
  }

  /** Waits for all pipelines and makes the bind groups. */
  async compile(): Promise<void> {
    const pipelines = await Promise.all(this.dispatches.map(({ call }) => this.gpu.pipelines.get(call)));
    this.dispatches.forEach((dispatch, index) => {
      const pipeline = pipelines[index]!;
      dispatch.pipeline = pipeline;
      dispatch.bindGroup = this.gpu.device.createBindGroup({
        label: dispatch.call.label,
        layout: pipeline.getBindGroupLayout(0),
        entries: dispatch.call.bindings.map(({ buffer, offsetBytes, sizeBytes }, binding) => ({
          binding,
          resource: { buffer, offset: offsetBytes, size: sizeBytes },
        })),
      });
    });
  }

  /** Writes the recorded dispatches for a step of this size into a compute pass. */
  encode(pass: GPUComputePassEncoder, step: StepSize): void {
    if (step.tokens > this.maxStep.tokens || step.outputs > this.maxStep.outputs)
      throw new OmniError(
        "internal_error",
        `step of ${step.tokens} tokens exceeds the recording's ${this.maxStep.tokens}`,
      );
    for (const { call, pipeline, bindGroup } of this.dispatches) {
      const [x, y = 1, z = 1] = call.workgroups(step);
      if (x === 0 || y === 0 || z === 0) continue;
      pass.setPipeline(pipeline!);
      pass.setBindGroup(0, bindGroup!);
      pass.dispatchWorkgroups(x, y, z);
    }
  }
}
