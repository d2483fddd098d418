/**
 * Sums over the threads of a team (those that share a weight row), as WGSL: `Lanes`, `threadOf(lanes)` and
 * `reduceTeam(sums, thread, lane)`, after which the team's first thread has the totals of the first `reducedSums`.
 */

import { constSource } from "./prelude.ts";
import { unroll } from "./unroll.ts";

export type TeamReduction = "none" | "shuffle" | "memory";

const plainLanes = `
struct Lanes {
  @builtin(local_invocation_index) thread: u32,
}
fn threadOf(lanes: Lanes) -> u32 {
  return lanes.thread;
}
`;

/** Threads are numbered by subgroup, so that a team lies in one subgroup whichever threads that holds. */
const subgroupLanes = `
struct Lanes {
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_size) size: u32,
  @builtin(subgroup_invocation_id) lane: u32,
}
fn threadOf(lanes: Lanes) -> u32 {
  return lanes.subgroup * lanes.size + lanes.lane;
}
`;

const parameters = "sums: ptr<function, array<f32, sumCount>>, thread: u32, lane: u32";

const reductions: Record<TeamReduction, string> = {
  none: `fn reduceTeam(${parameters}) {}\n`,
  shuffle: `
fn reduceTeam(${parameters}) {
  for (var s = 0u; s < reducedSums; s++) {
    for (var distance = 1u; distance < threadsPerRow; distance *= 2u) {
      (*sums)[s] += subgroupShuffleXor((*sums)[s], distance);
    }
  }
}
`,
  memory: `
var<workgroup> partial: array<vec4f, threads>;
const sumQuads = (reducedSums + 3u) / 4u;
fn reduceTeam(${parameters}) {
  for (var s = 0u; s < sumQuads; s++) {
    var four = vec4f();
    for (var e = 0u; e < quadSums; e++) {
      if (4u * s + e < reducedSums) {
        four[e] = (*sums)[min(4u * s + e, reducedSums - 1u)];
      }
    }
    partial[thread] = four;
    workgroupBarrier();
    if (lane == 0u) {
      for (var other = 1u; other < threadsPerRow; other++) {
        four += partial[thread + other];
      }
      for (var e = 0u; e < quadSums; e++) {
        if (4u * s + e < reducedSums) {
          (*sums)[min(4u * s + e, reducedSums - 1u)] = four[e];
        }
      }
    }
    workgroupBarrier();
  }
}
`,
};

/** Directives that have to come first in the source. */
export function subgroupDirectives(subgroups: boolean): string {
  // Subgroups run the same loops for the same counts here, which the compiler's analysis cannot see.
  return subgroups ? "enable subgroups;\ndiagnostic(off, subgroup_uniformity);\n" : "";
}

/** @param subgroups whether `Lanes` may use subgroups (also without a reduction by shuffles) */
export function reduceSource(reduction: TeamReduction, subgroups: boolean, reducedSums: number): string {
  const body = unroll(reductions[reduction], {
    reducedSums,
    sumQuads: Math.ceil(reducedSums / 4),
    quadSums: 4,
  });
  return constSource({ reducedSums }) + (subgroups ? subgroupLanes : plainLanes) + body;
}
