/** WGSL that kernels share: the step's size, and sums over a workgroup with or without subgroups. */

import type { StepSize } from "../runtime/gpu/recording.ts";

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
