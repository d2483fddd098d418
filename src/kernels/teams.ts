/** Teams of threads that share work, and how their sums meet. */

import type { Gpu } from "../runtime/gpu/device.ts";
import { unroll } from "./unroll.ts";

/** A kernel's threads in teams of `lanes` neighbours; both are powers of two. */
export interface Teams {
  threads: number;
  lanes: number;
}

/**
 * Whether a team's sums can use subgroups: where these can be numbered, a team fits the smallest one, and the largest
 * one fits the workgroup.
 */
export function teamsUseSubgroups({ subgroups }: Gpu, { threads, lanes }: Teams): boolean {
  return (
    subgroups !== undefined &&
    navigator.gpu.wgslLanguageFeatures.has("subgroup_id") &&
    lanes <= subgroups.min &&
    threads % subgroups.max === 0
  );
}

/** What stands before everything else in the source. */
export function teamsHead(subgroups: boolean): string {
  return subgroups ? "enable subgroups;\n" : "";
}

/** Fills in how a kernel gets its thread's number: by subgroups where they sum, as WGSL doesn't say which threads they hold. */
export function teamsThread(source: string, subgroups: boolean): string {
  const builtins = subgroups
    ? "@builtin(subgroup_id) subgroup: u32, @builtin(subgroup_size) subgroupSize: u32, @builtin(subgroup_invocation_id) subgroupLane: u32"
    : "@builtin(local_invocation_index) localIndex: u32";
  return source
    .replace("THREAD_BUILTINS", builtins)
    .replace("THREAD_NUMBER", subgroups ? "subgroup * subgroupSize + subgroupLane" : "localIndex");
}

/**
 * Declares `sumTeams(thread, &values)`: each of `count` values becomes its sum over the team's lanes, for all of them.
 * All threads call it; without subgroups it needs `partial`, workgroup memory for `count` values per thread.
 */
export function teamSumSource({ threads, lanes }: Teams, subgroups: boolean, count: number): string {
  const steps: number[] = [];
  for (let step = lanes / 2; step >= 1; step /= 2) steps.push(step);
  const bySubgroups = steps.map((step) => `x += subgroupShuffleXor(x, ${step}u);`).join("\n    ");
  const values = `ptr<function, array<f32, ${count}>>`;
  if (lanes === 1) return `fn sumTeams(thread: u32, values: ${values}) {}\n`;
  const source = subgroups
    ? `fn sumTeams(thread: u32, values: ${values}) {
  for (var i = 0u; i < count; i++) {
    var x = (*values)[i];
    ${bySubgroups}
    (*values)[i] = x;
  }
}
`
    : `fn sumTeams(thread: u32, values: ${values}) {
  for (var i = 0u; i < count; i++) {
    partial[i * ${threads}u + thread] = (*values)[i];
  }
  workgroupBarrier();
  let first = thread / ${lanes}u * ${lanes}u;
  for (var i = 0u; i < count; i++) {
    var x = 0.0;
    for (var lane = 0u; lane < ${lanes}u; lane += 1u) {
      x += partial[i * ${threads}u + first + lane];
    }
    (*values)[i] = x;
  }
  workgroupBarrier();
}
`;
  return unroll(source, { count });
}
