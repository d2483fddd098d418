/**
 * What becomes of the results of a matmul for few rows, as WGSL:
 *
 *   fn finish(thread, present, r, n, value: vec4f, second: vec4f)
 *
 * for weight rows n … n + 3 of the slice and row r, called by all threads of a workgroup at once; `present` says whether
 * the row counts. `value` are the sums, `second` those of the rows of `up` where the tile is gated.
 */

import type { Tensor, WeightSlice } from "../runtime/gpu/tensor.ts";
import { type Activations, activationWriteSource } from "./activations.ts";
import { matmulActivationSource } from "./matmulActivation.ts";
import type { MatmulArgs } from "./matmulArgs.ts";
import type { BindingList } from "./prelude.ts";
import { unroll } from "./unroll.ts";

/** WGSL and override constants; its bindings have been added to the list. */
export interface MatmulOutput {
  source: string;
  constants: Record<string, number>;
  /** Weight rows come in pairs of gate and up. */
  gated: boolean;
}

/** The threads that call `finish`. */
export interface OutputThreads {
  count: number;
  /** Whether each eight of them are in one subgroup. */
  inEights: boolean;
}

const parameters = "thread: u32, present: bool, r: u32, n: u32, value: vec4f, second: vec4f";

/** out[r, outStart + n] = activation(value + bias) + residual. */
export function storeOutput(args: MatmulArgs, slice: WeightSlice, bindings: BindingList): MatmulOutput {
  const { weight, out, outStart = 0, outStride = weight.rows, bias, activation, residual } = args;
  const inPlace = residual?.buffer === out.buffer;
  const additions = [
    bias && "v += bias[outStart + sliceStart + n + e];",
    activation && "v = activate(v);",
    residual && !inPlace && "v += residual[at];",
    inPlace && "v += out[at];",
  ];
  const body = `
override outStart: u32;
override outStride: u32;
override sliceStart: u32; // first weight row of this slice
fn finish(${parameters}) {
  if (!present) {
    return;
  }
  for (var e = 0u; e < quadSums; e++) {
    if (n + e < sliceRows) {
      let at = r * outStride + outStart + sliceStart + n + e;
      var v = value[e];
      ${additions.filter(Boolean).join("\n      ")}
      out[at] = v;
    }
  }
}
`;
  return {
    source: [
      bindings.declare("read_write", "out", "f32", out),
      bias ? bindings.declare("read", "bias", "f32", bias) : "",
      residual && !inPlace ? bindings.declare("read", "residual", "f32", residual) : "",
      matmulActivationSource(activation),
      unroll(body, { quadSums: 4 }),
    ].join(""),
    constants: { outStart, outStride, sliceStart: slice.rowStart },
    gated: false,
  };
}

export interface NextNorm {
  /** (N): weight of the RMSNorm that comes next. */
  weight: Tensor;
  /** (R, N): receives the normed rows but for the factor, which is for its consumer to apply. */
  out: Activations;
}

/** residual[r, n] += value; next.out[r, n] = residual[r, n] · next.weight[n]. */
export function nextOutput(
  residual: Tensor,
  next: NextNorm,
  slice: WeightSlice,
  threads: OutputThreads,
  bindings: BindingList,
): MatmulOutput {
  const { kind, width, tensor } = next.out;
  return {
    source: `${bindings.declare("read_write", "residual", "vec4f", residual)}
${bindings.declare("read", "nextWeight", "vec4f", next.weight)}
override sliceStart: u32;
${activationWriteSource(kind, width, bindings.add(tensor), threads.count, threads.inEights)}
fn finish(${parameters}) {
  let column = sliceStart + n;
  let inside = present && n < sliceRows;
  var x = vec4f();
  var weighted = vec4f();
  if (inside) {
    let at = (r * outValues + column) / 4u;
    x = residual[at] + value;
    residual[at] = x;
    weighted = x * nextWeight[column / 4u];
  }
  storeActivations(thread, inside, r, column / 32u, weighted, dot(x, x));
}
`,
    constants: { sliceStart: slice.rowStart },
    gated: false,
  };
}

/** What a gate passes before it is multiplied with its other half. */
export type GateActivation = "silu" | "geluTanh";

/** out[r, n] = gate(value) · second. */
export function gatedOutput(
  out: Activations,
  gate: GateActivation,
  threads: OutputThreads,
  bindings: BindingList,
): MatmulOutput {
  return {
    source: `${activationWriteSource(out.kind, out.width, bindings.add(out.tensor), threads.count, threads.inEights)}
${gateSources[gate]}
fn finish(${parameters}) {
  let inside = present && n < outValues;
  let product = select(vec4f(), ${gate}(value) * second, inside);
  storeActivations(thread, inside, r, n / 32u, product, 0.0);
}
`,
    constants: { secondStart: out.width },
    gated: true,
  };
}

/**
 * Declares the gate's function by its name, of a vec4f: g / (1 + e^-g), or GELU by tanh; for any finite g.
 * Source: Hendrycks & Gimpel 2016, arXiv:1606.08415.
 */
export const gateSources: Record<GateActivation, string> = {
  silu: `
fn silu(g: vec4f) -> vec4f {
  // e^-|g| is at most 1: nothing overflows, whatever the gate.
  let small = exp(-abs(g));
  return g * select(small, vec4f(1.0), g >= vec4f()) / (vec4f(1.0) + small);
}
`,
  // (1 + tanh u) / 2 = 1 / (1 + e^-2u); 2 · √(2 / π) = 1.5957691. Beyond 10 nothing changes, and e^88 is still finite.
  geluTanh: `
fn geluTanh(g: vec4f) -> vec4f {
  let c = clamp(g, vec4f(-10.0), vec4f(10.0));
  return g / (vec4f(1.0) + exp(-1.5957691 * (c + 0.044715 * c * c * c)));
}
`,
};
