import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import kernel from "./argmax.wgsl?raw";
import { expectKernel, expectRows, expectSize } from "./checks.ts";
import { type RowCount, rowsOf } from "./prelude.ts";

export interface ArgmaxArgs {
  logits: Tensor; // (R, vocab) f32
  out: Tensor; // (R) u32
  vocab: number;
  rows: RowCount;
}

const vectorSource = `
alias Bits = vec4<u32>;
fn better(best: Best, bits: Bits, i: u32) -> Best {
  let first = takeGreater(takeGreater(best, bits.x, 4u * i), bits.y, 4u * i + 1u);
  return takeGreater(takeGreater(first, bits.z, 4u * i + 2u), bits.w, 4u * i + 3u);
}
`;

const scalarSource = `
alias Bits = u32;
fn better(best: Best, bits: Bits, i: u32) -> Best {
  return takeGreater(best, bits, i);
}
`;

/**
 * out[r] = index of the largest of logits[r, :]: the lowest one among equals, never that of a NaN (0 if all are).
 * @throws OmniError `internal_error` naming both shapes where they do not fit
 */
export function argmax(rec: Recording, { logits, out, vocab, rows }: ArgmaxArgs, label: string): void {
  label = `argmax ${label}`;
  expectSize(label, "vocab", vocab, 1);
  expectRows(rec, label, "logits", logits, "f32", rows, vocab);
  expectRows(rec, label, "out", out, "u32", rows, 1);
  expectKernel(rowsOf(rows, rec.maxStep) <= 65535, label, "at most 65535 rows.");
  const vectors = vocab % 4 === 0;
  rec.dispatch({
    label,
    source: (vectors ? vectorSource : scalarSource) + kernel,
    // On a CPU every thread pays for every barrier.
    constants: { rowValues: vectors ? vocab / 4 : vocab, threads: rec.gpu.software ? 16 : 256 },
    bindings: [logits, out],
    workgroups: (step) => [rowsOf(rows, step)],
  });
}
