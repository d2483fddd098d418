/** WGSL that kernels share: the step's size, folded grids, sizes as constants, elementwise tensors. */

import type { StepSize } from "../runtime/gpu/recording.ts";
import type { BufferSlice } from "../runtime/gpu/tensor.ts";

/**
 * Which rows a kernel works on: the step's tokens or its output rows, times a constant number of rows each
 * (heads, for instance).
 */
export interface RowCount {
  of: keyof StepSize;
  times?: number;
}

/** Rows of a step. */
export function rowsOf(rows: RowCount, step: StepSize): number {
  return step[rows.of] * (rows.times ?? 1);
}

/** Override constants for {@link stepSource}. */
export function rowConstants(rows: RowCount): Record<string, number> {
  return { rowsFromOutputs: rows.of === "outputs" ? 1 : 0, rowsTimes: rows.times ?? 1 };
}

/** Declares the step's uniform at `binding` and `stepRows()`. */
export function stepSource(binding: number): string {
  return `
struct Step {
  tokens: u32,
  outputs: u32,
}
@group(0) @binding(${binding}) var<uniform> step: Step;
override rowsFromOutputs: bool = false;
override rowsTimes: u32 = 1u;
fn stepRows() -> u32 {
  return select(step.tokens, step.outputs, rowsFromOutputs) * rowsTimes;
}
`;
}

/**
 * Declares `rolled(bound)`, for loops whose bound is a constant: on software adapters, which take many seconds to compile
 * them unrolled, it looks as if it depended on the step. After {@link stepSource}.
 */
export function rolledSource(software: boolean): string {
  return `fn rolled(bound: u32) -> u32 {
  return bound${software ? " + (step.tokens >> 31u)" : ""};
}
`;
}

/** Workgroups in x and y for a count that may exceed 65,535; `gridIndex` is the way back. */
export function foldWorkgroups(count: number): [number, number] {
  const y = Math.ceil(count / 65535);
  return [y === 0 ? 0 : Math.ceil(count / y), y];
}

/** Declares `gridIndex()`: the index that {@link foldWorkgroups} folded; may exceed the count a little. Take `workgroup_id` and `num_workgroups`. */
export const gridSource = `
fn gridIndex(group: vec3<u32>, groups: vec3<u32>) -> u32 {
  return group.y * groups.x + group.x;
}
`;

/** WGSL constants, where a kernel needs sizes at compile time (overrides cannot size arrays of a function). */
export function constSource(sizes: Record<string, number>): string {
  return Object.entries(sizes)
    .map(([name, value]) => `const ${name} = ${value}u;\n`)
    .join("");
}

/**
 * Declares `Value` and the tensors of an elementwise kernel: input `name` at binding 0, read by `nameAt(i)`, and
 * `out` at binding 3. In place, only `out` at binding 0, because WebGPU forbids binding a buffer twice if one
 * binding writes.
 */
export function inOutSource(name: string, inPlace: boolean, vectors: boolean): string {
  const type = vectors ? "vec4<f32>" : "f32";
  const tensors = inPlace
    ? "@group(0) @binding(0) var<storage, read_write> out: array<Value>;"
    : `@group(0) @binding(0) var<storage, read> ${name}: array<Value>;
@group(0) @binding(3) var<storage, read_write> out: array<Value>;`;
  return `
alias Value = ${type};
${tensors}
fn ${name}At(i: u32) -> Value {
  return ${inPlace ? "out" : name}[i];
}
`;
}

/** Bindings of a kernel in the order in which its pieces declare them, from binding 0 on. */
export class BindingList {
  readonly slices: BufferSlice[] = [];

  /** Adds a buffer and returns its binding. */
  add(slice: BufferSlice): number {
    return this.slices.push(slice) - 1;
  }

  /** Adds a buffer and declares it as an array of `type`. */
  declare(access: "read" | "read_write", name: string, type: string, slice: BufferSlice): string {
    return `@group(0) @binding(${this.add(slice)}) var<storage, ${access}> ${name}: array<${type}>;\n`;
  }
}
