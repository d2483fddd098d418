/**
 * Weights that are touched before they are read: on software adapters each thread of a subgroup reads a row of its own, so that
 * many short streams run beside each other, which no CPU foresees. Touched in the order of memory, a word of each line, they
 * are on their way together. Measured on Mesa's adapter alone, whose subgroups have 8 threads. Not for an
 * encoder's rows: that has not been measured, and floats have no words of quants.
 */

import { type WeightMatrix, weightFormats } from "../runtime/gpu/tensor.ts";
import { constSource } from "./prelude.ts";

/** Words of 16 bytes in a line of a CPU's cache. */
const lineWords = 4;

/**
 * Declares `touches`, whether there is anything to do; `touchLanes`; and `touchRows(row, lane) -> u32`, by which the threads
 * of a subgroup touch the quants of so many rows as they are. What it gives has to be stored, if only seemingly.
 * After the format of the weights and `rolledSource`.
 * @param lanes threads of every subgroup, which have a row each; undefined where rows are not to be touched
 */
export function touchSource({ type, columns }: WeightMatrix, lanes: number | undefined): string {
  if (lanes === undefined)
    return "const touches = false;\nconst touchLanes = 1u;\nfn touchRows(row: u32, lane: u32) -> u32 {\n  return 0u;\n}\n";
  const { blockWeights, planes } = weightFormats[type];
  const rowWords = Math.floor(((columns / blockWeights) * planes[0]!.sizeBytes) / 16);
  return `const touches = true;
${constSource({ touchLanes: lanes, rowWords })}fn touchRows(row: u32, lane: u32) -> u32 {
  var touched = 0u;
  for (var at = ${lineWords}u * lane; at < rolled(touchLanes * rowWords); at += ${lineWords}u * touchLanes) {
    touched |= quantWords[row * rowWords + at].x;
  }
  return touched;
}
`;
}
