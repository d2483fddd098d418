import type { Recording } from "../runtime/gpu/recording.ts";
import type { Tensor } from "../runtime/gpu/tensor.ts";
import { expectKernel, expectRows, expectShape, expectSize } from "./checks.ts";
import {
  constSource,
  foldWorkgroups,
  gridSource,
  type RowCount,
  rowConstants,
  rowsOf,
  stepSource,
} from "./prelude.ts";
import kernel from "./rope.wgsl?raw";
import factorSource from "./ropeFactors.wgsl?raw";

export interface RopeArgs {
  /** Rotated in place. */
  x: Tensor; // (T, heads, headWidth)
  /** Below 2^20. */
  positions: Tensor; // (T) u32
  heads: number;
  headWidth: number;
  /** The first elements of each head that are rotated; even. */
  ropeWidth: number;
  /** Pairs of neighbours (2i, 2i + 1), or of halves (i, i + ropeWidth / 2). */
  mode: "norm" | "neox";
  /** At least 1. */
  thetaBase: number;
  /** Each frequency is divided by its factor, from 2^-8 to 2^23. */
  frequencyFactors?: Tensor | undefined; // (ropeWidth / 2)
  /** Multiplies positions (linear context extension); in (0, 1]. */
  positionScale?: number | undefined;
  rows: RowCount;
}

/**
 * Per pair, the turns of one position as a fixed-point number with 48 bits after the point: the upper 32 and the
 * lower 16. They are constants of the shader, so the table needs no buffer and no owner.
 */
function frequencySource(pairs: number, thetaBase: number, positionScale: number): string {
  const words = Array.from({ length: pairs }, (_, i) => {
    const turns = (positionScale * thetaBase ** (-i / pairs)) / (2 * Math.PI);
    const fixed = Math.round(turns * 2 ** 48);
    return `vec2<u32>(${Math.floor(fixed / 65536)}u, ${fixed % 65536}u)`;
  });
  return `const frequencies = array<vec2<u32>, ${pairs}>(${words.join(", ")});\n`;
}

const withoutFactors = "fn perFactor(whole: u32, part: u32, pair: u32) -> u32 { return part; }\n";

/**
 * Rotary position embedding, in place: pair i of every head is turned by
 * positions[t] · positionScale · thetaBase^(-2i / ropeWidth) / frequencyFactors[i]; accurate at any position.
 * Source: Su et al. 2021, arXiv:2104.09864.
 * @throws OmniError `internal_error` naming both shapes where they do not fit
 */
export function rope(rec: Recording, args: RopeArgs, label: string): void {
  label = `rope ${label}`;
  const { x, positions, heads, headWidth, ropeWidth, mode, thetaBase, frequencyFactors, rows } = args;
  const { positionScale = 1 } = args;
  expectSize(label, "heads", heads, 1);
  expectSize(label, "headWidth", headWidth, 2);
  expectSize(label, "ropeWidth", ropeWidth, 2, headWidth);
  expectKernel(ropeWidth % 2 === 0, label, `ropeWidth is ${ropeWidth} and should be even.`);
  expectKernel(thetaBase >= 1, label, `thetaBase is ${thetaBase} and should be at least 1.`);
  expectKernel(
    positionScale > 0 && positionScale <= 1,
    label,
    `positionScale is ${positionScale} and should be above 0 and at most 1.`,
  );
  expectRows(rec, label, "x", x, "f32", rows, heads * headWidth);
  expectRows(rec, label, "positions", positions, "u32", rows, 1);
  const pairs = ropeWidth / 2;
  if (frequencyFactors) expectShape(label, "frequencyFactors", frequencyFactors, "f32", [pairs]);
  rec.dispatch({
    label,
    source:
      constSource({ pairs }) +
      frequencySource(pairs, thetaBase, positionScale) +
      (frequencyFactors ? factorSource : withoutFactors) +
      stepSource(2) +
      gridSource +
      kernel,
    constants: { ...rowConstants(rows), heads, headWidth, neox: mode === "neox" ? 1 : 0 },
    bindings: [x, positions, rec.step, ...(frequencyFactors ? [frequencyFactors] : [])],
    workgroups: (step) => foldWorkgroups(Math.ceil((rowsOf(rows, step) * heads * pairs) / 64)),
  });
}
