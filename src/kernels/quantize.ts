/** Rows of f32 as the activations that the next matmul reads, where their producer could not write them so. */

import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import { type Activations, activationWriteSource, blockWidth, expectActivations } from "./activations.ts";
import { expectKernel, expectRows, expectShape } from "./checks.ts";
import { type GateActivation, gateSources } from "./matmulOutput.ts";
import {
  BindingList,
  foldWorkgroups,
  gridSource,
  type RowCount,
  rowConstants,
  rowsOf,
  stepSource,
} from "./prelude.ts";
import wgsl from "./quantize.wgsl?raw";

export interface QuantizeArgs {
  /** (R, K) f32; (R, 2K) with a gate. */
  x: Tensor;
  /** x holds gate and up: out = gate · up, the gate behind this function. */
  gate?: GateActivation | undefined;
  /** (K) f32: the weight of a norm, multiplied in. */
  weight?: Tensor | undefined;
  /** (R, K). */
  out: Activations;
  rows: RowCount;
}

/** Few, so that small rows fill a GPU too; on a CPU threads that meet at a barrier cost. */
const gpuThreads = 64;
const softwareThreads = 16;

/**
 * out[r, :] = x[r, :] (· weight), or silu or GELU of gate · up, with the sums of squares of x.
 * @throws OmniError `internal_error` where shapes do not fit, naming both
 */
export function quantize(rec: Recording, args: QuantizeArgs, label: string): void {
  const { x, gate, weight, out, rows } = args;
  const place = `quantize ${label}`;
  const { width } = out;
  expectRows(rec, place, "x", x, "f32", rows, gate ? 2 * width : width);
  expectActivations(rec, place, "out", out, rows, width);
  if (weight) expectShape(place, "weight", weight, "f32", [width]);
  expectKernel(x.buffer !== out.tensor.buffer, place, "out is in the buffer of x.");
  const threads = rec.gpu.software ? softwareThreads : gpuThreads;
  const blocks = Math.ceil(width / blockWidth);
  const bindings = new BindingList();
  rec.dispatch({
    label: place,
    source: [
      stepSource(bindings.add(rec.step)),
      gridSource,
      gateSources[gate ?? "silu"],
      bindings.declare("read", "x", "vec4f", x),
      // What is bound has to be used: without a weight, x stands in for it.
      bindings.declare("read", "weights", "vec4f", weight ?? x),
      activationWriteSource(out.kind, width, bindings.add(out.tensor), threads),
      wgsl.replace("GATE", gate ?? "silu"),
    ].join(""),
    constants: { ...rowConstants(rows), gated: gate ? 1 : 0, weighted: weight ? 1 : 0 },
    bindings: bindings.slices,
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * blocks * 8) / threads)),
  });
}
