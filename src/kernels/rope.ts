/** Rotary position embedding, as a piece of the kernels that apply it. */

import type { Tensor } from "../runtime/gpu/tensor.ts";
import { expectKernel, expectShape, expectSize } from "./checks.ts";
import { constSource } from "./prelude.ts";
import factorSource from "./ropeFactors.wgsl?raw";
import rotation from "./rotation.wgsl?raw";

/**
 * Pair i of every head is turned by position · positionScale · thetaBase^(-2i / ropeWidth) / frequencyFactors[i],
 * accurate at any position below 2^20.
 * Source: Su et al. 2021, arXiv:2104.09864.
 */
export interface Rotation {
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
  /** Where positions have several coordinates: what turns each pair (ropeWidth / 2 of them); see ropeAxes.ts. */
  axes?: readonly PairAxis[] | undefined;
}

/** A pair is turned by coordinate `axis` of a position · thetaBase^-exponent. */
export interface PairAxis {
  axis: number;
  /** From 0 to 1. */
  exponent: number;
}

/** Coordinates of a position. */
export function axisCount({ axes }: Rotation): number {
  return axes ? Math.max(...axes.map(({ axis }) => axis)) + 1 : 1;
}

/** Fails with what is wrong unless heads of this width can be rotated so. */
export function expectRotation(label: string, rope: Rotation, headWidth: number): void {
  const { ropeWidth, thetaBase, positionScale = 1, frequencyFactors, axes } = rope;
  expectSize(label, "ropeWidth", ropeWidth, 2, headWidth);
  expectKernel(ropeWidth % 2 === 0, label, `ropeWidth is ${ropeWidth} and should be even.`);
  expectKernel(thetaBase >= 1, label, `thetaBase is ${thetaBase} and should be at least 1.`);
  expectKernel(
    positionScale > 0 && positionScale <= 1,
    label,
    `positionScale is ${positionScale} and should be above 0 and at most 1.`,
  );
  if (axes) {
    expectSize(label, "rope.axes' length", axes.length, ropeWidth / 2, ropeWidth / 2);
    for (const { axis, exponent } of axes) {
      expectSize(label, "axis", axis, 0, 3);
      expectKernel(exponent >= 0 && exponent <= 1, label, `exponent is ${exponent} and should be 0 to 1.`);
    }
  }
  if (frequencyFactors) expectShape(label, "frequencyFactors", frequencyFactors, "f32", [ropeWidth / 2]);
}

/**
 * Per pair, the turns of one position as a fixed-point number with 48 bits after the point: the upper 32 and the
 * lower 16. They are constants of the shader, so the table needs no buffer and no owner.
 */
function frequencySource({ ropeWidth, thetaBase, positionScale = 1, axes }: Rotation): string {
  const pairs = ropeWidth / 2;
  const words = Array.from({ length: pairs }, (_, i) => {
    const turns = (positionScale * thetaBase ** -(axes ? axes[i]!.exponent : i / pairs)) / (2 * Math.PI);
    const fixed = Math.round(turns * 2 ** 48);
    return `vec2<u32>(${Math.floor(fixed / 65536)}u, ${fixed % 65536}u)`;
  });
  return `const frequencies = array<vec2<u32>, ${pairs}>(${words.join(", ")});\n`;
}

const withoutFactors = "fn perFactor(whole: u32, part: u32, pair: u32) -> u32 { return part; }\n";

/**
 * Declares `pairs` (0 without a rotation), `axisCount` and `pairAxis(pair)`: the coordinate that turns it, `pairElements(pair)`: which two elements of a head make a pair, also of
 * those behind the rotated ones, and `rotation(position, pair)`: (cos, sin) of a rotated pair.
 * `factorsBinding` is where the frequency factors are bound, if there are any.
 */
export function rotationSource(rope: Rotation | undefined, factorsBinding: number): string {
  const pairs = rope ? rope.ropeWidth / 2 : 0;
  const first = rope?.mode === "neox" ? "select(2u * pair, pair, pair < pairs)" : "2u * pair";
  const second = rope?.mode === "neox" ? "select(1u, pairs, pair < pairs)" : "1u";
  const axes = rope?.axes?.map(({ axis }) => `${axis}u`);
  const elements = `${constSource({ pairs, axisCount: rope ? axisCount(rope) : 1 })}
${axes ? `const axes = array<u32, ${pairs}>(${axes.join(", ")});` : ""}
fn pairAxis(pair: u32) -> u32 {
  return ${axes ? "axes[pair]" : "0u"};
}
fn pairElements(pair: u32) -> vec2<u32> {
  let first = ${first};
  return vec2(first, first + ${second});
}
`;
  if (!rope)
    return `${elements}fn rotation(position: u32, pair: u32) -> vec2<f32> { return vec2(1.0, 0.0); }\n`;
  const factors = rope.frequencyFactors
    ? `@group(0) @binding(${factorsBinding}) var<storage, read> factors: array<f32>; // (pairs)\n${factorSource}`
    : withoutFactors;
  return elements + frequencySource(rope) + factors + rotation;
}
